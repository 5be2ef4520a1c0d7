// Writes the heading of its column into each cell, for the narrow layout of tables in site.css.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.docutils")) {
    const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    if (headings.length === 0) continue;
    table.classList.add("labelled");
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, column) => {
        if (column > 0 && headings[column]) cell.dataset.label = headings[column];
        if (cell.textContent.trim() === "") cell.replaceChildren();
      });
    }
  }
});
