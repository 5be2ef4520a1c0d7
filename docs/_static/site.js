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
  // Long names in tables may be broken between their words, where a whole line has no room for them.
  const betweenWords = /(?<=[a-z0-9])(?=[A-Z])|(?<=[._/=,(:])(?=\w)/;
  for (const table of document.querySelectorAll("table.docutils")) {
    const longName = table.rows[0].cells.length > 3 ? /(\S{12,})/ : /(\S{24,})/;
    for (const cell of table.querySelectorAll("td, th")) {
      cell.classList.toggle("sentence", cell.textContent.trim().split(/\s+/).length > 5);
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) if (longName.test(walker.currentNode.data)) texts.push(walker.currentNode);
      for (const text of texts) {
        const parts = text.data.split(longName).map((part, i) => {
          if (i % 2 === 0) return part;
          const name = document.createElement("span");
          name.className = "long-name";
          name.append(...part.split(betweenWords).flatMap((word, j) => (j > 0 ? [document.createElement("wbr"), word] : [word])));
          return name;
        });
        text.replaceWith(...parts);
      }
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
