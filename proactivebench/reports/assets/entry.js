// One entry of an album, an episode or a sample, from its facts to its last turn.
const drawEntry = (() => {
  function optionsOf(turn) {
    return make("ul", { class: "options" }, ...turn.options.map((option, place) => {
      const marks = [turn.right.includes(place) ? "is-right" : "", place === turn.chosen ? "is-chosen" : ""].join(" ");
      const notes = [turn.effects?.[place] ?? (turn.right.includes(place) ? "right" : ""),
        place === turn.chosen ? "chosen" : ""].filter(Boolean).join(", ");
      return make("li", { class: marks }, make("span", { class: "letter" }, letter(place)),
        make("span", {}, option), make("span", { class: "note" }, notes));
    }));
  }

  function pictureOf(turn, alt) {
    if (!turn.picture) return make("div", { class: "missing" }, "What lies there is not shown: it is not what the run saw, or a link that leads out of the benchmark.");
    const src = `pictures/${turn.picture.slice(0, 2)}/${turn.picture}.webp`;
    const image = make("img", { src, alt, loading: "lazy" });
    image.onerror = () => image.replaceWith(make("div", { class: "missing" }, "This picture cannot be read."));
    return image;
  }

  function turnOf(turn, place, item, row, unit) {
    const before = item.turns[place - 1], last = place === item.turns.length - 1;
    const right = make("div");
    if (before && before.question !== turn.question) right.append(make("p", { class: "question" }, turn.question));
    if (before && before.text === turn.text && !turn.effects && turn.options.length) {
      right.append(make("details", {}, make("summary", {}, `the same ${turn.options.length} options`), optionsOf(turn)));
    } else right.append(optionsOf(turn));
    if (turn.reply !== undefined) {
      right.append(make("p", { class: `reply ${last ? tone(row.ending) : ""}` }, turn.reply || "(empty reply)"),
        make("p", { class: "read" }, turn.read));
    }
    if (turn.did) right.append(make("p", { class: "did" }, turn.did));
    const label = `${unit[0].toUpperCase()}${unit.slice(1)} ${place + 1} of ${item.turns.length}`;
    return make("section", { class: "turn" }, make("div", {}, label, pictureOf(turn, `${unit} ${place + 1}`)), right);
  }

  function othersOf(others, index, select) {
    if (!others.length) return "";
    return make("p", { class: "others" }, "The same sample: ", ...others.map((other) =>
      make("button", { type: "button", class: tone(other.ending), onclick: () => select(other) },
        make("span", { class: "dot" }), index.parts[other.part].name)));
  }

  // row: the entry in the index; item: its contents; others: rows of the same sample; select: shows one of them.
  return (row, item, index, others, select) => {
    const unit = index.kind === "samples" ? "frame" : "turn", name = index.parts[row.part].name;
    const title = make("h3", {}, `${index.scenarios[row.scenario]} ${row.id}`);
    if (name) title.append(make("span", { class: "soft" }, ` ${name}`));
    const facts = make("p", { class: "facts" });
    if (row.ending) facts.append(make("span", { class: `pill ${tone(row.ending)}` }, row.ending));
    facts.append("right answer ", make("b", {}, item.answer), ` · at most ${plural(item.limit, "turn")} · ${item.source}`);
    const parts = [title, facts, othersOf(others, index, select)];
    if (item.turns.length) parts.push(make("p", { class: "question" }, item.turns[0].question));
    parts.push(...item.turns.map((turn, place) => turnOf(turn, place, item, row, unit)));
    if (item.error) {
      parts.push(make("section", { class: "turn e-error" }, make("div", {}, `Error: ${item.error.kind}`),
        make("p", { class: "reply e-error" }, item.error.message)));
    }
    return parts;
  };
})();
