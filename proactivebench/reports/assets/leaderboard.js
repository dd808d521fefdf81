// A leaderboard's tables: sorted by the column whose heading is clicked, and filtered by the models' names.

for (const table of document.querySelectorAll(".sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, place) => {
    heading.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") === "descending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      const key = (row) => row.cells[place].dataset.value ?? row.cells[place].textContent.trim();
      const numbers = rows.every((row) => row.cells[place].dataset.value !== undefined);
      const order = (one, other) =>
        numbers ? Number(key(other)) - Number(key(one)) : key(one).localeCompare(key(other));
      rows.sort((one, other) => (up ? -1 : 1) * order(one, other));
      table.tBodies[0].append(...rows);
    });
  });
}

byId("wanted").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll(".sortable tbody tr"))
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
});
