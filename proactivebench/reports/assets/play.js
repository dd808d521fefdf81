// Shows one question after the other and sends what is chosen.
(() => {
  const WAIT = 120; // milliseconds between two looks for the next question
  const place = byId("question"), progress = byId("progress");
  let turn = null, chosen = null;

  const say = (text) => place.replaceChildren(make("p", { class: "lead" }, text));

  async function next() {
    try {
      const now = await (await fetch("turn")).json();
      progress.max = Math.max(1, now.total);
      progress.value = now.done;
      if (now.finished) return say("Thank you. Everything has been answered; the scores are in the terminal.");
      if (now.number === undefined || now.number === turn?.number) return setTimeout(next, WAIT);
      turn = now;
      show();
    } catch {
      say("The program has been stopped. What you answered is kept: run the same command again to resume.");
    }
  }

  function show() {
    chosen = null;
    const earlier = turn.messages.slice(0, -1), last = turn.messages.at(-1);
    const parts = earlier.length ? [make("div", { class: "earlier" }, ...earlier.flatMap((message) => [
      ...(message.picture ? [make("img", { src: message.picture, alt: "earlier picture" })] : []),
      make("p", {}, message.role === "user" ? message.text : `→ ${message.text}`)]))] : [];
    const choices = make("div", { class: "choices" }, ...turn.options.map((option, number) =>
      make("button", { type: "button", "aria-pressed": "false", onclick: () => choose(number) },
        make("span", { class: "letter" }, letter(number)), make("span", {}, option))));
    const send = make("button", { class: "main", type: "button", disabled: "", onclick: answer }, "Answer");
    place.replaceChildren(...parts, make("img", { class: "view", src: last.picture, alt: "the picture in question" }),
      make("p", { class: "question" }, last.text), choices, send,
      make("p", { class: "soft" }, make("br"), `${turn.done} of ${turn.total} done. Choose by letter or click, send with Enter.`));
    window.scrollTo(0, 0);
  }

  function choose(number) {
    chosen = number;
    place.querySelectorAll(".choices button").forEach((button, one) => button.setAttribute("aria-pressed", one === number));
    place.querySelector("button.main").disabled = false;
  }

  async function answer() {
    if (chosen === null || turn === null) return;
    const body = JSON.stringify({ number: turn.number, reply: turn.options[chosen] });
    chosen = null;
    place.querySelector("button.main").disabled = true;
    try {
      await fetch("answer", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    } catch {
      // The next look says that the program has been stopped.
    }
    next();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || turn === null) return;
    const number = event.key.length === 1 ? event.key.toUpperCase().charCodeAt(0) - 65 : -1;
    if (number >= 0 && number < turn.options.length) choose(number);
    else if (event.key === "Enter") answer();
    else return;
    event.preventDefault();
  });
  next();
})();
