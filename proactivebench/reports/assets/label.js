// Labels row by row: scrub, choose two frames, fill in; every change is sent and kept.
(() => {
  const state = byId("state"), entries = byId("entries"), scrub = byId("scrub"), fields = byId("fields");
  let rows = [], all = null, at = 0, sending = Promise.resolve();

  const src = (number) => `frame/${at}-${number}`;
  const begun = (row) => ["kind", "question", "answer", "wrong_answers", "strong_occlusions"].some((name) => row[name].trim());
  const status = (row) => (Object.keys(row.wrong).length ? "wrong" : begun(row) ? "done" : "open");

  function said() {
    const done = rows.filter((row) => status(row) === "done").length;
    const two = all.agreement;
    const kappa = two?.kappa == null ? "" : ` (kappa ${two.kappa.toFixed(2)})`;
    const agreed = !two ? "" : !two.rows ? " There is no row yet that both have filled in." : ` You agree on the answer in ${two.answer} of `
      + `${plural(two.rows, "row")} that both have filled in, on the kind in ${two.kind}, on strong occlusion in ${two.strong_occlusions}${kappa}.`;
    state.textContent = `${done} of ${plural(rows.length, "row")} complete.${agreed}`;
  }

  function list() {
    entries.replaceChildren(...rows.map((row, number) => make("li", {}, make("button", {
      type: "button", class: `entry ${status(row)}`, "aria-current": number === at, onclick: () => open(number),
    }, make("span", { class: "mark" }), row.video, make("small", {}, row.answer || `frame ${row.first_image}`)))));
  }

  function frame(number) {
    const row = rows[at];
    scrub.value = number;
    byId("view").src = src(scrub.value);
    byId("where").textContent = `frame ${scrub.value} of 0 to ${row.frames - 1}, ${Math.round(100 * row.covered[scrub.value])}% covered`;
  }

  function chosen() {
    const row = rows[at];
    for (const [name, place] of [["first", row.first_image], ["reference", row.reference_image]]) {
      byId(name).textContent = place;
      byId(`${name}-view`).src = src(place);
    }
    const marks = [[row.first_image, "first"], [row.reference_image, "reference"]].filter(([place]) => row.frames > +place);
    const one = 100 / row.frames;
    byId("covered").replaceChildren(...row.covered.map((share, number) => drawn("rect", {
      x: number * one, y: 10 - 10 * share, width: one, height: 10 * share,
    })), ...marks.map(([place, name]) => drawn("rect", { class: name, x: place * one, y: 0, width: one, height: 10 })));
  }

  function drawn(tag, properties) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
    return element;
  }

  function told() {
    const row = rows[at];
    byId("wrong").replaceChildren(...Object.entries(row.wrong).map(([name, what]) =>
      make("li", {}, `${name.replaceAll("_", " ")}: ${what}`)));
    const other = row.beside;
    byId("beside").replaceChildren(...(other ? [make("h3", {}, "The other person"), make("p", { class: "soft" },
      [other.kind, other.question, other.answer, other.wrong_answers, `strong: ${other.strong_occlusions}`,
        `frames ${other.first_image} and ${other.reference_image}`].filter(Boolean).join(" · "))] : []));
  }

  function open(number) {
    at = number;
    const row = rows[at];
    byId("work").hidden = false;
    scrub.max = Math.max(0, row.frames - 1);
    for (const element of fields.elements) element.value = row[element.name];
    fields.elements.question.placeholder = all.questions[row.kind] ? `for example: ${all.questions[row.kind]}` : "or nothing, for one of that kind";
    frame(row.first_image);
    chosen();
    told();
    list();
  }

  // One after the other, so that the last change is the one that stays.
  function send(filled) {
    const number = at;
    Object.assign(rows[number], filled);
    sending = sending.then(async () => {
      try {
        const answer = await fetch("save", { method: "POST", headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ row: number, filled }) });
        if (!answer.ok) throw new Error((await answer.text()) || "it was not taken");
        const now = await answer.json();
        rows[number] = now.row;
        all.agreement = now.agreement;
        said();
        list();
        if (number === at) told();
      } catch (error) {
        state.textContent = `Not kept: ${error.message}. Is the program still running?`;
      }
    });
  }

  function choose(name) {
    send({ [name]: scrub.value });
    chosen();
  }

  scrub.addEventListener("input", () => frame(scrub.value));
  byId("hides").addEventListener("click", () => choose("first_image"));
  byId("shows").addEventListener("click", () => choose("reference_image"));
  byId("next").addEventListener("click", () => open((at + 1) % rows.length));
  byId("first-view").addEventListener("click", () => frame(rows[at].first_image));
  byId("reference-view").addEventListener("click", () => frame(rows[at].reference_image));
  fields.addEventListener("change", (event) => {
    send({ [event.target.name]: event.target.value });
    if (event.target.name === "kind") fields.elements.question.placeholder = `for example: ${all.questions[event.target.value] ?? ""}`;
  });
  fields.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
    if (event.target.matches("input:not([type=range]), select")) return;
    const does = { ArrowRight: () => frame(Math.min(+scrub.value + 1, +scrub.max)), ArrowLeft: () => frame(Math.max(+scrub.value - 1, 0)),
      1: () => choose("first_image"), 2: () => choose("reference_image"), n: () => open((at + 1) % rows.length) }[event.key];
    if (!does) return;
    does();
    event.preventDefault();
  });

  (async () => {
    all = await (await fetch("rows")).json();
    rows = all.rows;
    said();
    if (rows.length) open(Math.max(0, rows.findIndex((row) => status(row) !== "done")));
  })();
})();
