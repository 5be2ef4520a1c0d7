document.addEventListener("DOMContentLoaded", () => {
  // The heading of its column, in each cell: for the narrow layout of tables in site.css.
  for (const table of document.querySelectorAll("table.docutils")) {
    const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    if (headings.length === 0) continue;
    table.classList.add("labelled");
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, column) => {
        if (cell.textContent.trim() === "") cell.replaceChildren();
        else if (headings[column]) cell.dataset.label = headings[column];
      });
    }
  }
  // A picture that is too small to be read opens in full size.
  for (const picture of document.querySelectorAll("article img")) {
    if (picture.closest("a")) continue;
    const link = document.createElement("a");
    link.className = "full-size";
    link.href = picture.src;
    link.title = "Full size";
    picture.replaceWith(link);
    link.append(picture);
  }
});
