"use strict";
// What all pages need. Everything that comes from a run is written as text, never as HTML.

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Gives an element fresh children; details that a reader has opened or closed stay as they are.
function renew(element, children) {
  const known = () => [...element.querySelectorAll("details")].map((details, place) => {
    const summary = details.firstElementChild;
    const title = (summary.querySelector("b") ?? summary).textContent.replaceAll(/[\d,]/g, "");  // counts may have changed
    return [`${place} ${title}`, details];
  });
  const opened = new Map(known().map(([name, details]) => [name, details.open]));
  element.replaceChildren(...children);
  for (const [name, details] of known()) details.open = opened.get(name) ?? details.open;
}

const byId = (id) => document.getElementById(id);
const letter = (place) => String.fromCharCode(65 + place);
const tone = (ending) => (ending === undefined ? "" : `e-${ending.replaceAll(" ", "-")}`);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
