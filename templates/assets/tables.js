/* greenreport: tables that a reader can sort by their heads. Without this file they stand in the order of the study. */
(() => {
  "use strict";
  const FEWEST = 3;
  const FACTORS = { T: 1e12, G: 1e9, M: 1e6, k: 1e3, m: 1e-3, "\u00b5": 1e-6 };
  const SECONDS = { min: 60, h: 3600 };
  const UNITS = /^(?:J|W|B|Hz|Wh|L|gCO|s)/;

  /* a printed quantity in its base unit: 45.1 kJ, 2.31 ms, 1,230; null where there is none */
  function amount(text) {
    const [, number, unit = ""] = /^[^0-9\u2212-]*([\u2212-]?[0-9][0-9,]*(?:\.[0-9]+)?)(?:[\u202f\u00a0 ](\S+))?/.exec(text.trim()) || [];
    if (!number) return null;
    const prefixed = UNITS.test(unit.slice(1)) && FACTORS[unit[0]];
    return Number(number.replace(/,/g, "").replace("\u2212", "-")) * (SECONDS[unit] || prefixed || 1);
  }
  function keyOf(row, index, numeric) {
    const cell = row.cells[index];
    if (!cell || row.querySelector("[colspan]")) return null;
    if (!numeric) return cell.textContent.trim();
    const exact = cell.getAttribute("data-v");
    return exact === null ? amount(cell.textContent) : exact === "" ? null : Number(exact);
  }
  /* rows without a value stay last, in either direction; equal ones keep their order */
  function sorted(rows, index, numeric, direction) {
    return rows.map((row) => ({ row, key: keyOf(row, index, numeric) })).sort(({ key: a }, { key: b }) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return direction * (numeric ? a - b : a.localeCompare(b, "en", { numeric: true }));
    }).map(({ row }) => row);
  }
  /* which tables are sorted, by which column and in which direction, stands in the address: it can be shared and is there after going back */
  const orders = new Map(), sorters = new Map();
  function keep() {
    const words = [...orders].map(([table, order]) => `${table}.${order}`);
    document.dispatchEvent(new CustomEvent("greenreport-choice", { detail: { name: "sort", words } }));
  }
  function recall() {
    const [, words = ""] = /[?&]sort=([^&]*)/.exec(location.hash) || [];
    for (const word of words.split(",").filter(Boolean)) {
      const [table, column, direction] = word.split(".");
      sorters.get(table)?.(Number(column), { a: "ascending", d: "descending" }[direction]);
    }
  }
  for (const [place, table] of [...document.querySelectorAll("main table")].entries()) {
    const head = table.tHead?.rows.length === 1 && table.tHead.rows[0], body = table.tBodies[0];
    if (!head || table.tBodies.length !== 1 || body.rows.length < FEWEST || body.querySelector("[rowspan]")) continue;
    if (table.classList.contains("yours") || table.hasAttribute("data-fixed") || head.querySelector("a, button, [colspan]")) continue;
    const rows = [...body.rows], heads = [...head.cells];
    heads.forEach((th, index) => {
      if (!th.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[th.getAttribute("aria-sort")];
        sort(index, next === undefined ? "ascending" : next);
        keep();
      });
    });
    function sort(index, order) {
      const th = heads[index];
      if (!th || order === undefined) return;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) th.setAttribute("aria-sort", order);
      body.append(...(order ? sorted(rows, index, th.classList.contains("num"), order === "ascending" ? 1 : -1) : rows));
      if (order) orders.set(String(place), `${index}.${order[0]}`); else orders.delete(String(place));
    }
    sorters.set(String(place), (index, order) => {
      sort(index, order);
      for (let node = table; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    });
  }
  recall();
  window.addEventListener("hashchange", recall);
})();
