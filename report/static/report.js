"use strict";
// Sorting, filtering and reading values off curves. Without it the page shows the same numbers.
document.documentElement.classList.add("js");

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Tables sort by data-key where a cell has one, else by its text; what is empty stays last.
for (const table of all("table.sortable")) {
  for (const head of all("thead th[aria-sort]", table)) {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of all("thead th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[head.cellIndex].dataset.key ?? row.cells[head.cellIndex].textContent.trim();
      const compare = head.dataset.kind === "number" ? (a, b) => a - b : (a, b) => a.localeCompare(b, "en", { numeric: true });
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => (a === "") - (b === "") || (up ? compare(a, b) : compare(b, a)));
      body.append(...rows.map(([, row]) => row));
    });
  }
}

// Filters hide the rows that lack a word of the search or, in a facet of which some values are chosen, all of these.
// Sizes are found however they are written: 8x4, 8×4 or 8 × 4. What is folded away is not searched.
const plain = (text) => text.toLowerCase().replace(/(\d)\s*[x×]\s*(?=\d)/g, "$1x");
const searched = (row) => {
  const copy = row.cloneNode(true);
  all("details", copy).forEach((details) => details.remove());
  return plain([...copy.cells].map((cell) => cell.textContent).join(" ").replace(/\s+/g, " "));
};
const filters = new Map();
for (const form of all("form.filters")) {
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, searched(row)]));
  const boxes = all("input[type=checkbox]", form);
  const facets = [...new Set(boxes.map((box) => box.name))];
  const apply = () => {
    const words = plain(form.elements.text.value).split(/\s+/);
    const chosen = facets.map((name) => boxes.filter((box) => box.name === name && box.checked).map((box) => box.value));
    // Of each row, which facets let it pass: chips count what they would show beside the choices in other facets.
    const found = rows.map((row) => ({
      row,
      text: words.every((word) => texts.get(row).includes(word)),
      passes: facets.map((name, index) => !chosen[index].length || chosen[index].includes(row.dataset[name])),
    }));
    for (const { row, text, passes } of found) row.hidden = !(text && passes.every(Boolean));
    for (const box of boxes) {
      const own = facets.indexOf(box.name);
      const fits = ({ row, text, passes }) =>
        text && row.dataset[box.name] === box.value && passes.every((pass, index) => pass || index === own);
      box.parentElement.querySelector(".number").textContent = found.filter(fits).length;
    }
    form.querySelector("output").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
  };
  // Shows what has this text and these values, and no other restriction.
  const choose = (text = "", values = {}) => {
    form.elements.text.value = text;
    for (const box of boxes) box.checked = values[box.name] === box.value;
    apply();
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    choose();
  });
  filters.set(form.dataset.table, choose);
  // What a browser kept of the form when the page was loaded again.
  apply();
}

// A count of the opening screen, its search, and the jobs behind a section filter a table farther down.
for (const link of all("a[data-filter]")) {
  const { paper, verdict, basis } = link.dataset;
  link.addEventListener("click", () => filters.get(link.dataset.filter)("", { paper, verdict, basis }));
}
for (const link of all("a[data-source]")) {
  const { source } = link.dataset;
  link.addEventListener("click", (event) => {
    for (const table of ["provenance-table", "studies-table"]) filters.get(table)("", { source });
    // To the table that has some of them.
    if (document.querySelector(`#provenance-table tr[data-source="${source}"]`)) return;
    event.preventDefault();
    location.hash = "studies-title";
  });
}
for (const form of all("form.find")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filters.get(form.dataset.table)(form.elements.text.value);
    document.getElementById("claims").scrollIntoView();
    document.querySelector(".filters[data-table=claims-table] input").focus({ preventScroll: true });
  });
}

// A link to a row shows it whatever the filter, with what is folded in it and around it.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (!target.matches("tbody tr")) return;
  if (target.hidden) filters.get(target.closest("table").id)?.();
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
  unfolded = all("details:not([open], .picture, .rule, .judged)");
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
