// Shows one question after the other and sends what is chosen; at the end, how it went.
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
      if (now.finished) return end(now.standing);
      if (now.number === undefined || now.number === turn?.number) return setTimeout(next, WAIT);
      await show(now);
    } catch {
      say("The program has been stopped. What you answered is kept: run the same command again to resume.");
    }
  }

  // The next picture takes the place of the last one when it has been loaded, so that nothing jumps.
  async function loaded(src, alt, name) {
    const image = make("img", { src, alt, class: name });
    await image.decode().catch(() => {});
    return image;
  }

  async function show(now) {
    const earlier = now.messages.slice(0, -1), last = now.messages.at(-1);
    const [view, ...before] = await Promise.all([loaded(last.picture, "the picture in question", "view"),
      ...earlier.map((message) => message.picture ? loaded(message.picture, "earlier picture", "") : "")]);
    [turn, chosen] = [now, null];
    const parts = earlier.length ? [make("div", { class: "earlier" }, ...earlier.flatMap((message, number) => [
      before[number], make("p", {}, message.role === "user" ? message.text : `→ ${message.text}`)]))] : [];
    const choices = make("div", { class: "choices" }, ...turn.options.map((option, number) =>
      make("button", { type: "button", "aria-pressed": "false", onclick: () => choose(number) },
        make("span", { class: "letter" }, letter(number)), make("span", {}, option))));
    const send = make("button", { class: "main", type: "button", disabled: "", onclick: answer }, "Answer");
    place.replaceChildren(...parts, make("div", { class: "stage" }, view), make("p", { class: "question" }, last.text),
      choices, make("div", { class: "send" }, send, make("span", { class: "soft" }, `${turn.done} of ${turn.total} done`)));
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
    byId("rules").open = false;
    try {
      await fetch("answer", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    } catch {
      // The next look says that the program has been stopped.
    }
    next();
  }

  function end({ episodes, right, seconds, rows, missed }) {
    byId("rules").hidden = true;
    const you = rows.find((row) => row.you), others = rows.length - 1;
    const asked = you.psr === null ? "" : `, with ${you.told[1]} suggestions per episode`;
    const pace = seconds === null ? "" : ` Half of your answers took less than ${seconds.toFixed(1)} seconds.`;
    const best = rows.findIndex((row) => row.you) + 1;
    const told = others ? `You are in place ${best} of ${rows.length} among the runs beside yours, on the same samples:`
      : "No run beside yours has played these samples. Evaluate a model into the same folder to see who is better.";
    const table = make("table", { class: "standing" }, make("thead", {}, make("tr", {},
      ...["", "accuracy", "", "psr"].map((text) => make("th", {}, text)))), make("tbody", {}, ...rows.map((row) =>
      make("tr", row.you ? { class: "ours" } : {}, make("th", { scope: "row" }, row.you ? "you" : row.name),
        make("td", { class: "number" }, row.told[0]),
        make("td", { class: "wide" }, make("meter", { value: row.acc, max: 1 })),
        make("td", { class: "number" }, row.told[1])))));
    const misses = missed.length ? [make("h2", {}, "What you missed"), make("table", {}, make("tbody", {},
      ...missed.map((one) => make("tr", {}, make("th", { scope: "row" }, one.answer),
        make("td", { class: "soft" }, `you ended with: ${one.said}`), make("td", { class: "soft" }, plural(one.turns, "turn"))))))] : [];
    place.replaceChildren(make("h2", {}, `Thank you. ${right} of ${episodes} right${asked}.`),
      make("p", { class: "soft" }, `${pace} ${told}`.trim()), table, ...misses);
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
