// Leafing through the entries of an album: the index, the chunks that it leads to, filters, the list, keys.
const album = (() => {
  const ROW = 56; // pixels, as in page.css
  const REFRESH = 5000; // milliseconds between two looks at a run under way
  const filters = byId("filters"), list = byId("list"), rows = byId("rows"), entry = byId("entry");
  let index, all = [], found = [], selected = null, shown = null, version = null;
  const chunks = new Map(); // name -> promise of a chunk
  const waiting = new Map(); // name -> what takes the chunk when its script has run

  function readIndex(text) {
    index = JSON.parse(text);
    all = index.parts.flatMap((part, number) => part.rows.map((row, place) => ({
      part: number, place, key: `${number}/${index.scenarios[row[0]]}/${row[1]}/${row[2]}`,
      sample: `${row[0]}/${row[1]}/${row[2]}`,
      scenario: row[0], id: row[1], repeat: row[2], ending: index.endings[row[3]], turns: row[4], marks: row[5],
      answer: index.answers[row[6]], named: index.answers[row[7]], thumbnail: part.thumbnails?.[place],
    })));
    all.sort((a, b) => a.scenario - b.scenario || a.id - b.id || a.repeat - b.repeat || a.part - b.part);
  }

  // Chunks are scripts, because a page opened from a disk may load scripts and nothing else.
  function load(row) {
    const name = `${row.part}-${Math.floor(row.place / index.chunk)}`;
    if (!chunks.has(name)) {
      chunks.set(name, new Promise((resolve, reject) => {
        waiting.set(name, resolve);
        const script = make("script", { src: `data/${name}.js` });
        script.onerror = () => { chunks.delete(name); reject(new Error(`data/${name}.js is missing beside this page.`)); };
        script.onload = () => script.remove();
        document.head.append(script);
      }));
    }
    return chunks.get(name);
  }

  function receive(name, chunk) {
    for (const { turns } of chunk.entries) {
      for (const turn of turns) [turn.question, turn.options] = chunk.texts[turn.text];
    }
    waiting.get(name)?.(chunk.entries);
  }

  const entryOf = async (row) => (await load(row))[row.place % index.chunk];

  function fill(name, everything, values) {
    const select = filters.elements[name], kept = select.value;
    select.replaceChildren(make("option", { value: "" }, everything),
      ...values.map(([value, label]) => make("option", { value }, label)));
    select.value = kept;
    if (select.selectedIndex < 0) select.value = "";
    select.hidden = values.length < 2;
  }

  function fillFilters() {
    const present = (name) => new Set(all.map((row) => row[name]));
    const scenarios = present("scenario"), endings = present("ending");
    fill("part", "All runs", index.parts.map((part, number) => [number, part.name]));
    fill("scenario", "All scenarios", [...scenarios].map((number) => [number, index.scenarios[number]]));
    fill("ending", "All outcomes", index.endings.filter((name) => endings.has(name)).map((name) => [name, name]));
    fill("mark", "All actions", index.marks.map((name, number) => [number, name]));
    for (const [name, everything] of [["answer", "All categories"], ["named", "Whatever it named"]]) {
      fill(name, everything, [...present(name)].filter(Boolean).sort().map((category) => [category, category]));
    }
    fill("turns", "Any number of turns",
      [...present("turns")].sort((a, b) => a - b).map((count) => [count, plural(count, "turn")]));
  }

  const wordsOf = (row, item) => [row.answer, item.source, ...item.turns.flatMap((turn) => [
    turn.question, ...turn.options, turn.reply ?? ""])].join("\n").toLowerCase();

  let search = 0;
  async function filter() {
    const mine = ++search;
    const chosen = Object.fromEntries(new FormData(filters));
    let rest = all.filter((row) =>
      (!chosen.part || row.part === +chosen.part) && (!chosen.scenario || row.scenario === +chosen.scenario) &&
      (!chosen.answer || row.answer === chosen.answer) && (!chosen.named || row.named === chosen.named) &&
      (!chosen.ending || row.ending === chosen.ending) && (!chosen.turns || row.turns === +chosen.turns) &&
      (!chosen.mark || row.marks & (1 << chosen.mark)));
    const words = chosen.search.trim().toLowerCase();
    if (words) {
      byId("count").value = "searching …";
      const items = await Promise.all(rest.map(entryOf));
      if (mine !== search) return;
      rest = rest.filter((row, place) => wordsOf(row, items[place]).includes(words));
    }
    found = rest;
    byId("count").value = found.length === all.length ? plural(all.length, index.kind.slice(0, -1))
      : `${found.length.toLocaleString("en")} of ${plural(all.length, index.kind.slice(0, -1))}`;
    rows.style.height = `${found.length * ROW}px`;
    drawRows();
    if (!found.some((row) => row.key === selected?.key)) return select(found[0] ?? null);
    link();
    await show();
  }

  const pictureOf = (name) => make("img", { src: `pictures/${name.slice(0, 2)}/${name}.webp`, alt: "" });

  function drawRows() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
    rows.replaceChildren(...found.slice(first, last).map((row, offset) => {
      const where = `${index.scenarios[row.scenario]} ${row.id}${row.repeat ? ` (${row.repeat + 1})` : ""}`;
      const run = index.parts.length > 1 ? ` · ${index.parts[row.part].name}` : "";
      const element = make("div", {
        class: `row ${tone(row.ending)}`, role: "option", "aria-selected": row.key === selected?.key,
        onclick: () => select(row),
      }, row.thumbnail ? pictureOf(row.thumbnail) : make("span", { class: "dot" }), make("div", {}, row.answer, make("br"), make("small", {}, where + run)),
      make("small", {}, plural(row.turns, "turn")));
      element.style.top = `${(first + offset) * ROW}px`;
      return element;
    }));
  }

  function select(row) {
    selected = row;
    if (row) {
      const place = found.findIndex((one) => one.key === row.key);
      if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
      if ((place + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (place + 1) * ROW - list.clientHeight;
    }
    drawRows();
    link();
    return show();
  }

  // The address says which filters are set and what is selected: whoever opens it sees the same.
  function link() {
    const where = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
    if (selected) where.set("at", selected.key);
    history.replaceState(null, "", `#${where}`);
  }

  // What link writes, read back; an address without it names a heading of the page.
  function follow() {
    if (!location.hash.includes("=")) return false;
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const element of filters.elements) {
      if (!element.name) continue;
      element.value = wanted.get(element.name) ?? "";
      if (element.selectedIndex < 0) element.value = "";
    }
    selected = all.find((row) => row.key === wanted.get("at")) ?? null;
    return true;
  }

  function step(by) {
    const place = found.findIndex((row) => row.key === selected?.key);
    const next = found[Math.min(found.length - 1, Math.max(0, place + by))];
    if (next) select(next);
  }

  async function show() {
    const row = selected;
    filters.hidden = list.hidden = !all.length;
    const nothing = all.length ? `No ${index.kind} fit these filters.` : `There are no ${index.kind} yet.`;
    if (!row) return entry.replaceChildren(make("p", { class: "soft" }, nothing));
    let item;
    try {
      item = await entryOf(row);
    } catch (error) {
      return entry.replaceChildren(make("p", { class: "soft" }, error.message));
    }
    if (row !== selected) return;
    const others = all.filter((one) => one.sample === row.sample && one.part !== row.part);
    const parts = drawEntry(row, item, index, others, select), top = shown === row.key ? entry.scrollTop : 0;
    if (shown === row.key) renew(entry, parts);
    else entry.replaceChildren(...parts);
    entry.scrollTop = top;
    shown = row.key;
  }

  const toBrowser = () => byId("browser").scrollIntoView({ behavior: "smooth" });

  function onBar(event) {
    const { part, scenario, answer, ending } = event.target.dataset;
    if (ending === undefined) return;
    filters.reset();
    filters.elements.part.value = index.parts.length > 1 ? part : "";
    filters.elements.scenario.value = scenario ? index.scenarios.indexOf(scenario) : "";
    filters.elements.ending.value = ending;
    filters.elements.answer.value = answer;
    list.scrollTop = 0;
    filter().then(toBrowser);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const steps = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1 };
    if (event.key in steps) step(steps[event.key]);
    else if (event.key === "/") filters.elements.search.focus();
    else return;
    event.preventDefault();
  }

  // A run under way: when its version changes, the summary and the index are taken from a fresh page.
  async function refresh() {
    try {
      const now = await (await fetch("version", { cache: "no-store" })).text();
      if (version !== null && now !== version) {
        const fresh = new DOMParser().parseFromString(await (await fetch("./", { cache: "no-store" })).text(), "text/html");
        for (const id of ["summary", "figures", "runs"]) renew(byId(id), fresh.getElementById(id).childNodes);
        chunks.clear();
        readIndex(fresh.getElementById("index").textContent);
        fillFilters();
        await filter();
      }
      version = now;
      setTimeout(refresh, REFRESH);
    } catch {
      document.querySelector(".live")?.replaceChildren("stopped");
    }
  }

  function start() {
    readIndex(byId("index").textContent);
    fillFilters();
    const asked = follow();
    filters.addEventListener("input", () => { list.scrollTop = 0; filter(); });
    filters.addEventListener("reset", () => setTimeout(filter));
    filters.addEventListener("submit", (event) => event.preventDefault());
    list.addEventListener("scroll", drawRows, { passive: true });
    window.addEventListener("resize", drawRows);
    document.addEventListener("keydown", onKey);
    byId("top").addEventListener("click", onBar);
    window.addEventListener("hashchange", () => { if (follow()) filter().then(toBrowser); });
    filter().then(() => { if (selected) select(selected); if (asked) byId("browser").scrollIntoView(); });
    if (byId("top").hasAttribute("data-live")) refresh();
  }

  return { receive, start };
})();
album.start();
