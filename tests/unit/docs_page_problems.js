// Evaluated in a page of the documentation: what is wrong with its colours and, if asked, its layout, in sentences.
(layout) => {
  const problems = new Set();
  const root = document.documentElement;
  const width = root.clientWidth;
  if (root.scrollWidth > width) problems.add(`the page is ${root.scrollWidth} px wide on a screen of ${width}`);

  const content = document.querySelector("article") ?? document.body;
  const shorten = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);

  // All text that is shown, by its element.
  const shown = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const parent = text.parentElement;
    if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT|TITLE)$/.test(parent.tagName)) continue;
    if (shown.has(parent)) shown.get(parent).push(text);
    else if (parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) shown.set(parent, [text]);
  }

  if (layout) {
    // It has to be on the screen, or in something that scrolls sideways and is on the screen itself.
    const frames = new Map();
    const framesOf = (node) => {
      if (node === null || node === document.body) return [];
      if (!frames.has(node)) {
        const overflow = getComputedStyle(node).overflowX;
        const outer = framesOf(node.parentElement);
        if (overflow === "visible") frames.set(node, outer);
        else {
          const box = node.getBoundingClientRect();
          const scrolls = /auto|scroll/.test(overflow);
          const start = box.left + node.clientLeft - node.scrollLeft;
          const inside = scrolls ? [start, start + node.scrollWidth] : [box.left, box.right];
          frames.set(node, [{ scrolls, inside, outside: [box.left, box.right] }, ...outer]);
        }
      }
      return frames.get(node);
    };
    const range = document.createRange();
    for (const text of [...shown.values()].flat()) {
      if (!content.contains(text)) continue;
      range.selectNodeContents(text);
      const box = range.getBoundingClientRect();
      if (box.width <= 1 || box.height <= 1) continue;
      let [left, right] = [box.left, box.right];
      for (const frame of framesOf(text.parentElement)) {
        if (left < frame.inside[0] - 1 || right > frame.inside[1] + 1)
          problems.add(`"${shorten(text.data)}" cannot be scrolled into view`);
        if (frame.scrolls) [left, right] = frame.outside;
      }
      if (left < -1 || right > width + 1) problems.add(`"${shorten(text.data)}" is beyond the page`);
    }

    // A cell is wide enough for a word, one with a sentence for some words.
    for (const cell of content.querySelectorAll("td, th")) {
      if (!cell.checkVisibility() || cell.innerText.trim().length < 6) continue;
      const style = getComputedStyle(cell);
      const inner = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      const needed = cell.innerText.trim().length < 30 ? 40 : 100;
      if (inner < needed) problems.add(`the cell "${shorten(cell.innerText)}" is only ${Math.round(inner)} px wide`);
    }

    // A screen that is not a telephone's shows a table as a whole.
    for (const table of content.querySelectorAll("table")) {
      const [own, room] = [table.offsetWidth, table.parentElement.clientWidth];
      if (width > 1000 && own > room + 1)
        problems.add(`the table "${shorten(table.innerText)}" takes ${own} px of ${room}`);
    }
  }

  // Contrast of text and what is behind it, by the definition of WCAG 2.
  const parse = (color) => {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = (front, back) => front.channels.map((one, i) => one * front.alpha + back[i] * (1 - front.alpha));
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = new Map();
  const background = (node) => {
    if (node === null) return [255, 255, 255];
    if (!behind.has(node)) {
      const own = parse(getComputedStyle(node).backgroundColor);
      behind.set(node, own.alpha === 1 ? own.channels : over(own, background(node.parentElement)));
    }
    return behind.get(node);
  };
  const seen = new Set();
  for (const [parent, [text]] of shown) {
    const style = getComputedStyle(parent);
    const back = background(parent);
    const key = `${style.color} ${back} ${style.fontSize} ${style.fontWeight}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const [darker, lighter] = [luminance(over(parse(style.color), back)), luminance(back)].sort((a, b) => a - b);
    const contrast = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5))
      problems.add(
        `contrast ${contrast.toFixed(2)} of "${shorten(text.data)}", ` +
          `${style.color} on rgb(${back.map(Math.round)})`,
      );
  }
  return [...problems];
}
