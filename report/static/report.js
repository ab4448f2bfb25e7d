"use strict";
// Sorting, filtering and reading values off curves. Without it the page shows the same numbers.
document.documentElement.classList.add("js");

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// What is chosen stands in the address, where it can be copied, and a step back undoes it.
const remember = (told, typing = false) => {
  const query = told.toString();
  const place = `${query ? `?${query}` : location.pathname.replace(/^.*\//, "")}${location.hash}`;
  // One step back undoes a search, and not its last letter.
  if (query !== location.search.slice(1)) history[typing ? "replaceState" : "pushState"](null, "", place);
};

// Tables sort by data-key where a cell has one, else by its text; what is empty stays last.
const order = new Intl.Collator("en", { numeric: true });
function sort(table, column, up) {
  const head = table.tHead.rows[0].cells[column];
  if (!head?.ariaSort) return;
  for (const other of all("thead th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
  const compare = head.dataset.kind === "number" ? (a, b) => a - b : order.compare;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => (a === "") - (b === "") || (up ? compare(a, b) : compare(b, a)));
  body.append(...rows.map(([, row]) => row));
}
for (const table of all("table.sortable")) {
  for (const head of all("thead th[aria-sort]", table)) {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      sort(table, head.cellIndex, up);
      const told = new URLSearchParams(location.search);
      told.set(`${table.id}.order`, (up ? 1 : -1) * (head.cellIndex + 1));
      remember(told);
    });
  }
}

// Copied numbers are numbers to whatever they are pasted into: a plain minus, a tab a cell, no line within one.
document.addEventListener("copy", (event) => {
  const chosen = getSelection();
  const rows = all("table tr").filter((row) => !row.hidden && chosen.containsNode(row, true));
  if (rows.length < 2) return;
  const text = (cell) => cell.innerText.replace(/\s+/g, " ").replace(/−/g, "-").trim();
  event.clipboardData.setData("text/plain", rows.map((row) => [...row.cells].map(text).join("\t")).join("\n"));
  event.preventDefault();
});

// The contents tell where one is.
const places = new Map(all(".contents a").map((link) => [link.hash.slice(1), link]));
const here = () => {
  const passed = [...places].filter(([id]) => document.getElementById(id)?.getBoundingClientRect().top < innerHeight / 3);
  const link = passed.at(-1)?.[1];
  if (link?.ariaCurrent) return;
  for (const other of places.values()) other.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "true");
  // Within its own box, which may be longer than the window.
  const box = document.querySelector(".contents");
  if (link && box.scrollHeight > box.clientHeight) box.scrollTop = link.offsetTop - box.clientHeight / 2;
};
addEventListener("scroll", here, { passive: true });
here();
// On a phone they are in the way until asked for.
if (matchMedia("(max-width: 70rem)").matches) all(".contents details").forEach((details) => (details.open = false));

// Filters hide the rows that lack a word of the search or, in a facet of which some values are chosen, all of these.
// Words in quotation marks belong together, and so does a name with its number: Table 2, Figure 1, Eq. 27.
// Sizes are found however they are written: 8x4, 8×4 or 8 × 4. The address tells what is chosen.
const plain = (text) => text.toLowerCase().replace(/(\d)\s*[x×]\s*(?=\d)/g, "$1x").replace(/\s+/g, " ");
const terms = (text) =>
  [...plain(text).matchAll(/"([^"]+)"|((?:table|figure|section|eq\.|theorem|appendix) [\w.]+)|(\S+)/g)].map(
    ([, quoted, named, word]) => quoted ?? named ?? word,
  );
// A word that ends in a digit is no beginning of a longer number; a verdict is no part of its negation.
const holds = (text, term) => {
  for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + 1)) {
    const longer = /\d$/.test(term) && /\d/.test(text[at + term.length] ?? "");
    const denied = term === "reproduced" && text.slice(at - 4, at) === "not ";
    if (!longer && !denied) return true;
  }
  return false;
};
const filters = new Map();
for (const form of all("form.filters")) {
  const name = form.dataset.table;
  const rows = [...document.getElementById(name).tBodies[0].rows];
  // Subscripts join their letter with a low line, as they are typed; commands name what a claim does not say.
  const texts = new Map(
    rows.map((row) => {
      const copy = row.cloneNode(true);
      all("sub", copy).forEach((sub) => sub.prepend("_"));
      all("code, .links", copy).forEach((part) => part.remove());
      return [row, plain([...copy.cells].map((cell) => cell.textContent).join(" "))];
    }),
  );
  const boxes = all("input[type=checkbox]", form);
  const facets = [...new Set(boxes.map((box) => box.name))];
  const apply = () => {
    const words = terms(form.elements.text.value);
    const chosen = facets.map((facet) => boxes.filter((box) => box.name === facet && box.checked).map((box) => box.value));
    // Of each row, which facets let it pass: chips count what they would show beside the choices in other facets.
    const found = rows.map((row) => ({
      row,
      text: words.every((word) => holds(texts.get(row), word)),
      passes: facets.map((facet, index) => !chosen[index].length || chosen[index].includes(row.dataset[facet])),
    }));
    for (const { row, text, passes } of found) row.hidden = !(text && passes.every(Boolean));
    for (const box of boxes) {
      const own = facets.indexOf(box.name);
      const fits = ({ row, text, passes }) =>
        text && row.dataset[box.name] === box.value && passes.every((pass, index) => pass || index === own);
      box.parentElement.querySelector(".number").textContent = found.filter(fits).length;
    }
    const shown = rows.filter((row) => !row.hidden).length;
    form.querySelector("output").textContent = shown
      ? `${shown} of ${rows.length} shown`
      : "Nothing fits. Show all, or search for fewer words.";
  };
  // What the address asks of this table: its search, facets and order.
  const read = () => {
    const asked = new URLSearchParams(location.search);
    form.elements.text.value = asked.get(`${name}.text`) ?? "";
    for (const box of boxes) box.checked = asked.getAll(`${name}.${box.name}`).includes(box.value);
    const order = asked.get(`${name}.order`);
    if (order) sort(document.getElementById(name), Math.abs(Number(order)) - 1, Number(order) > 0);
    apply();
  };
  const write = (event) => {
    const told = new URLSearchParams(location.search);
    for (const key of ["text", ...facets]) told.delete(`${name}.${key}`);
    if (form.elements.text.value) told.set(`${name}.text`, form.elements.text.value);
    for (const box of boxes) if (box.checked) told.append(`${name}.${box.name}`, box.value);
    const typing = event?.target.name === "text" && new URLSearchParams(location.search).has(`${name}.text`);
    remember(told, typing);
    apply();
  };
  form.addEventListener("input", write);
  form.addEventListener("submit", (event) => event.preventDefault());
  const clear = () => {
    form.elements.text.value = "";
    for (const box of boxes) box.checked = false;
    write();
  };
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    clear();
  });
  filters.set(name, { clear, read });
  read();
}
addEventListener("popstate", () => filters.forEach(({ read }) => read()));

// A link to a row shows it whatever the filter, with what is folded in it and around it.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (!target.matches("tbody tr")) return;
  if (target.hidden) filters.get(target.closest("table").id)?.clear();
  all("details", target).forEach((details) => (details.open = true));
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
// A link to where one already is changes no address.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.hash === location.hash) setTimeout(reveal);
});
reveal();

// On paper folded results are open; a picture's small form, the claims' rules and repeated lists are not results.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = all("main details:not([open], .picture, .rule, .judged)");
  unfolded.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => unfolded.forEach((details) => (details.open = false)));

// Curves: hiding and highlighting of series, and a cursor that reads off all of them at one place.
const SVG = "http://www.w3.org/2000/svg";
const numbers = (text) => text.split(" ").map(Number);

// Five significant digits, or fewer decimals than four; what is tiny as a power of ten.
const written = (value) => {
  const size = Math.abs(value);
  const text = size === 0 || size >= 1e-3 ? String(Number(value.toFixed(size >= 100 ? 2 : size >= 10 ? 3 : 4))) : value.toExponential(2);
  return text.replace(/-/g, "−");
};
// Several figures of a section each follow their own legend.
for (const panels of all(".panels[data-figure]")) {
  const figure = panels.dataset.figure;
  const data = JSON.parse(document.getElementById(`${figure}-data`).textContent);
  const buttons = all(".legend button", panels.parentElement);
  const of = (series) => all(`[data-series="${series}"]`, panels);
  for (const button of buttons) {
    const series = button.dataset.series;
    const focus = (on) => {
      panels.classList.toggle("focus", on);
      of(series).forEach((part) => part.classList.toggle("on", on));
    };
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", String(on));
      of(series).forEach((part) => part.classList.toggle("off", !on));
    });
    button.addEventListener("pointerenter", () => focus(button.getAttribute("aria-pressed") === "true"));
    button.addEventListener("pointerleave", () => focus(false));
  }
  for (const panel of all(".panel", panels)) {
    const values = data[panel.dataset.panel];
    if (values?.x.length) new Reader(panel, values, buttons);
  }
}

function Reader(panel, { label, x: places, series }, buttons) {
  const svg = panel.querySelector("svg");
  const group = svg.querySelector("[data-frame]");
  const tip = panel.querySelector(".tip");
  const [left, top, width, height] = numbers(group.dataset.frame);
  const scaled = group.dataset.log?.includes("x") ? Math.log : (value) => value;
  const [low, high] = numbers(group.dataset.x).map(scaled);
  const place = (value) => left + ((scaled(value) - low) / (high - low)) * width;
  const cursor = document.createElementNS(SVG, "line");
  cursor.classList.add("cursor");
  cursor.setAttribute("y1", top);
  cursor.setAttribute("y2", top + height);
  let index = places.length - 1;

  const show = (next) => {
    index = Math.min(places.length - 1, Math.max(0, next));
    const x = place(places[index]);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    svg.append(cursor);
    const lines = buttons
      .map((button, number) => ({ button, values: series[number].map((column) => column[index]) }))
      .filter(({ button, values }) => values[0] !== null && button.getAttribute("aria-pressed") === "true")
      .sort((a, b) => a.values[0] - b.values[0]);
    const title = document.createElement("b");
    title.textContent = `${label} ${written(places[index])}`;
    const table = document.createElement("table");
    for (const { button, values } of lines) {
      const row = table.insertRow();
      row.insertCell().append(button.querySelector("svg").cloneNode(true));
      row.insertCell().textContent = button.textContent.trim();
      row.insertCell().textContent = written(values[0]);
      row.insertCell().textContent = values[1] === null ? "" : `[${written(values[1])}, ${written(values[2])}]`;
    }
    tip.replaceChildren(title, table);
    tip.hidden = false;
    // Beside the cursor, on the side that has room, and never beyond the panel.
    const box = svg.getBoundingClientRect();
    const at = ((x - svg.viewBox.baseVal.x) * box.width) / svg.viewBox.baseVal.width;
    const beside = at + 12 + tip.offsetWidth <= box.width ? at + 12 : at - 12 - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(beside, box.width - tip.offsetWidth))}px`;
  };
  const hide = () => {
    tip.hidden = true;
    cursor.remove();
  };
  const follow = (event) => {
    const box = svg.getBoundingClientRect();
    const x = svg.viewBox.baseVal.x + ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const far = places.map((value) => Math.abs(place(value) - x));
    show(far.indexOf(Math.min(...far)));
  };
  panel.addEventListener("pointermove", follow);
  panel.addEventListener("pointerdown", follow);
  panel.addEventListener("pointerleave", hide);
  panel.addEventListener("focus", () => panel.matches(":focus-visible") && show(index));
  panel.addEventListener("blur", hide);
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") hide();
    if (step === undefined) return;
    event.preventDefault();
    show(step === -Infinity ? 0 : step === Infinity ? places.length - 1 : index + step);
  });
}
