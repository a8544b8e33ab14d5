/* greenreport: tables that a reader can sort by their heads. Without this file they stand in the order of the study. */
(function () {
  "use strict";
  var FEWEST = 3;
  var PREFIXES = { T: 1e12, G: 1e9, M: 1e6, k: 1e3, m: 1e-3, "\u00b5": 1e-6 };
  var UNITS = /^(?:J|W|B|Hz|Wh|L|gCO|s)/;

  /* a printed quantity in its base unit: 45.1 kJ, 2.31 ms, 1,230; null where there is none */
  function amount(text) {
    var found = /^[^0-9\u2212-]*([\u2212-]?[0-9][0-9,]*(?:\.[0-9]+)?)(?:[\u202f\u00a0 ](\S+))?/.exec(text.trim());
    if (!found) return null;
    var value = Number(found[1].replace(/,/g, "").replace("\u2212", "-")), unit = found[2] || "";
    if (unit === "min") return value * 60;
    if (unit === "h") return value * 3600;
    return PREFIXES[unit[0]] && UNITS.test(unit.slice(1)) ? value * PREFIXES[unit[0]] : value;
  }
  function key(row, index, numeric) {
    var cell = row.cells[index];
    if (!cell || row.querySelector("[colspan]")) return null;
    if (!numeric) return cell.textContent.trim();
    var exact = cell.getAttribute("data-v");
    return exact === null ? amount(cell.textContent) : exact === "" ? null : Number(exact);
  }
  function compared(a, b, numeric) { return numeric ? a - b : a.localeCompare(b, "en", { numeric: true }); }
  /* rows without a value stay last, in either direction; equal ones keep their order */
  function sorted(rows, index, numeric, turn) {
    return rows.map(function (row, order) { return { row: row, order: order, key: key(row, index, numeric) }; }).sort(function (a, b) {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.order - b.order;
      return turn * compared(a.key, b.key, numeric) || a.order - b.order;
    }).map(function (item) { return item.row; });
  }
  function sortable(table) {
    var head = table.tHead && table.tHead.rows.length === 1 && table.tHead.rows[0], body = table.tBodies[0];
    if (!head || table.tBodies.length !== 1 || body.rows.length < FEWEST || body.querySelector("[rowspan]")) return;
    if (table.classList.contains("yours") || table.hasAttribute("data-fixed") || head.querySelector("a, button, [colspan]")) return;
    var rows = Array.prototype.slice.call(body.rows), heads = Array.prototype.slice.call(head.cells);
    heads.forEach(function (th, index) {
      if (!th.textContent.trim()) return;
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (th.firstChild) button.appendChild(th.firstChild);
      th.appendChild(button);
      button.addEventListener("click", function () {
        var now = th.getAttribute("aria-sort"), next = now === "ascending" ? "descending" : now === "descending" ? null : "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        if (next) th.setAttribute("aria-sort", next);
        var order = next ? sorted(rows, index, th.classList.contains("num"), next === "ascending" ? 1 : -1) : rows;
        body.append.apply(body, order);
      });
    });
  }
  document.querySelectorAll("main table").forEach(sortable);
})();
