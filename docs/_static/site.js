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
  // Names in tables may be broken between their words: StartDIJobOperator, wait_for_completion, Throttling.User.
  const betweenWords = /(?<=[a-z0-9])(?=[A-Z])|(?<=[._/=,(])(?=\w)/;
  for (const cell of document.querySelectorAll("table.docutils td, table.docutils th")) {
    cell.classList.toggle("sentence", cell.textContent.trim().split(/\s+/).length > 5);
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    const names = [];
    while (walker.nextNode()) if (/\S{12}/.test(walker.currentNode.data)) names.push(walker.currentNode);
    for (const name of names) {
      const parts = name.data.split(betweenWords);
      name.replaceWith(...parts.flatMap((part, i) => (i > 0 ? [document.createElement("wbr"), part] : [part])));
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
