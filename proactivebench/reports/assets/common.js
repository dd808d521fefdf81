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

const byId = (id) => document.getElementById(id);
const letter = (place) => String.fromCharCode(65 + place);
const tone = (ending) => (ending === undefined ? "" : `e-${ending.replaceAll(" ", "-")}`);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
