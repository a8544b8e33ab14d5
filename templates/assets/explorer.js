/* greenreport: the explorer. Cells are chosen by facets and drawn in two metrics; the address keeps what was chosen. */
(() => {
  "use strict";
  const data = window.greenreportCells, tools = window.greenreport, box = document.getElementById("explorer");
  if (!data || !tools || !box || !data.axes.length) return;
  const { all, element, svg, SHAPES, mark, quantity, decoded } = tools;
  const FIRST = 100, NEAR_PX = 24, HEIGHT = 400, RIGHT = 16, TOP = 12, BOTTOM = 48, TICK_PX = 90, WIDE = 20, LETTER_PX = 6.6, MOST_NAMED = 12;
  const [fold, choice, axesBox, told, legend, plot, near, rest] = [".ex-fold", ".ex-choice", ".ex-axes", ".ex-told", ".ex-legend", ".ex-plot", ".ex-near", ".ex-rest"]
    .map((name) => box.querySelector(name));
  const table = box.querySelector("table");
  const { metrics, facets } = data;
  const cells = data.rows.map(([address, configuration, runs, hue, shape, places, values]) => ({ address, configuration, runs, hue, shape, places, values }));
  const STUDY = place("study"), MODEL = place("model"), MACHINE = place("machine"), ENERGY = place("energy"), ENGINE = place("engine");
  const MODELLED = facets[ENERGY].values.indexOf(data.modelled);
  function place(name) { return facets.findIndex((facet) => facet.name === name); }
  function text(cell, index) { return facets[index].values[cell.places[index]]; }
  function metricOf(id) { return metrics.findIndex((metric) => metric.id === id); }

  /* what is chosen: of each facet the places of its values, none for all; axes; order of the table */
  const state = { chosen: facets.map(() => new Set()), x: 0, y: 0, sort: "", every: false };
  function fromAddress() {
    const words = Object.create(null);
    for (const part of location.hash.split("?").slice(1).join("?").split("&")) {
      const at = part.indexOf("=");
      if (at > 0) words[part.slice(0, at)] = part.slice(at + 1).split(",").map(decoded);
    }
    facets.forEach((facet, index) => {
      state.chosen[index] = new Set((words[facet.name] || []).map((value) => facet.values.indexOf(value)).filter((at) => at >= 0));
    });
    ["x", "y"].forEach((axis, index) => {
      const asked = metricOf((words[axis] || [])[0]);
      state[axis] = asked >= 0 ? asked : metricOf(data.axes[index]);
    });
    state.sort = (words.sort || [""])[0];
  }
  function toAddress() {
    const parts = facets.flatMap((facet, index) => state.chosen[index].size
      ? [`${facet.name}=${[...state.chosen[index]].map((at) => encodeURIComponent(facet.values[at])).join(",")}`] : []);
    ["x", "y"].forEach((axis, index) => { if (metrics[state[axis]].id !== data.axes[index]) parts.push(`${axis}=${metrics[state[axis]].id}`); });
    if (state.sort) parts.push(`sort=${encodeURIComponent(state.sort)}`);
    history.replaceState(null, "", parts.length ? `#explorer?${parts.join("&")}` : location.pathname + location.search);
  }

  /* a cell is shown where every facet allows it; beside a value stands how many there would be with it */
  function misses(cell) {
    let missed = -1;
    for (let index = 0; index < facets.length; index += 1) {
      if (state.chosen[index].size && !state.chosen[index].has(cell.places[index])) {
        if (missed >= 0) return -2; /* two facets exclude it */
        missed = index;
      }
    }
    return missed;
  }
  function select() {
    const counts = facets.map((facet) => new Array(facet.values.length).fill(0)), shown = [];
    for (const cell of cells) {
      const missed = misses(cell);
      if (missed === -1) {
        shown.push(cell);
        cell.places.forEach((at, index) => { counts[index][at] += 1; });
      } else if (missed >= 0) counts[missed][cell.places[missed]] += 1;
    }
    return { shown, counts };
  }

  /* the boxes of the facets */
  const inputs = facets.map(() => []);
  function addFacets() {
    facets.forEach((facet, index) => {
      if (facet.values.length < 2) return;
      const facetBox = element("details", "", choice, { class: "ex-facet" });
      const head = element("summary", facet.label, facetBox);
      element("span", "", head, { class: "soft" });
      const list = element("div", "", facetBox, { class: "ex-values", role: "group", "aria-label": facet.label });
      facet.values.forEach((value, at) => {
        const label = element("label", "", list), input = element("input", "", label, { type: "checkbox" });
        element("span", value, label);
        const count = element("span", "", label, { class: "soft" });
        input.addEventListener("change", () => {
          if (input.checked) state.chosen[index].add(at); else state.chosen[index].delete(at);
          state.every = false;
          update();
        });
        inputs[index].push({ input, count, label });
      });
    });
    const clear = element("button", "Show all cells", choice, { type: "button", class: "plain" });
    clear.addEventListener("click", () => { state.chosen.forEach((values) => values.clear()); update(); });
    choice.addEventListener("submit", (event) => event.preventDefault());
  }
  function showFacets(counts) {
    all(".ex-facet", choice).forEach((facetBox) => {
      const index = facets.findIndex((facet) => facet.label === facetBox.querySelector("summary").firstChild.data);
      const values = [...state.chosen[index]].map((at) => facets[index].values[at]);
      facetBox.querySelector("summary span").textContent = ` ${values.length ? values.join(", ") : "all"}`;
      if (values.length) facetBox.open = true;
      inputs[index].forEach(({ input, count, label }, at) => {
        input.checked = state.chosen[index].has(at);
        count.textContent = counts[index][at];
        label.classList.toggle("none", !counts[index][at]);
      });
    });
  }
  const selects = {};
  function addAxes() {
    for (const [axis, name] of [["x", "Across"], ["y", "Upwards"]]) {
      const label = element("label", `${name} `, axesBox), field = selects[axis] = element("select", "", label, { name: axis });
      metrics.forEach((metric, at) => element("option", metric.label, field, { value: String(at) }));
      field.addEventListener("change", () => { state[axis] = Number(field.value); state.sort = ""; update(); });
    }
  }

  /* no other cell of the same study and model beats these in both metrics */
  function front(points) {
    const groups = new Map(), best = new Set(), [x, y] = [metrics[state.x], metrics[state.y]];
    for (const point of points) {
      const key = `${point.cell.places[STUDY]} ${point.cell.places[MODEL]}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(point);
    }
    const sign = (metric) => (metric.higher ? -1 : 1);
    for (const group of groups.values()) {
      group.sort((a, b) => sign(x) * (a.x - b.x) || sign(y) * (a.y - b.y));
      let least = Infinity;
      for (const point of group) {
        if (sign(y) * point.y < least) { least = sign(y) * point.y; best.add(point.cell); }
      }
    }
    return best;
  }

  /* axes: logarithmic where the values span more than a factor, else from their least to their largest */
  function scaleOf(values, from, to) {
    const low = Math.min(...values), high = Math.max(...values), log = low > 0 && high / low > WIDE;
    const margin = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1;
    const [start, end] = log ? [Math.log10(low / 1.2), Math.log10(high * 1.2)] : [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
    const at = (value) => from + (to - from) * (((log ? Math.log10(value) : value) - start) / (end - start));
    return { at, log, ticks: log ? decades(start, end) : steps(start, end, Math.max(2, Math.floor(Math.abs(to - from) / TICK_PX))) };
  }
  function decades(start, end) {
    const factors = end - start > 6 ? [1] : end - start > 1.5 ? [1, 3] : [1, 2, 5], made = [];
    for (let power = Math.floor(start); power <= end; power += 1) {
      for (const factor of factors) {
        const value = factor * 10 ** power;
        if (Math.log10(value) >= start && Math.log10(value) <= end) made.push(value);
      }
    }
    return made;
  }
  function steps(start, end, wanted) {
    const rough = (end - start) / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) || 10), made = [];
    for (let number = Math.ceil(start / step); number * step <= end; number += 1) made.push(number * step);
    return made;
  }
  function tickText(value, unit) { return quantity(value, unit, true).replace(/(\.\d*?)0+(?=\u202f)/, "$1").replace(/\.(?=\u202f)/, ""); }
  let drawn = [];
  function draw(shown) {
    const points = shown.map((cell) => ({ cell, x: cell.values[state.x], y: cell.values[state.y] })).filter(({ x, y }) => x !== null && y !== null);
    drawn = [];
    near.hidden = true;
    showLegend(points);
    if (!points.length) {
      plot.replaceChildren(element("p", "No cell that is chosen has both metrics.", null, { class: "soft" }));
      return [];
    }
    const width = Math.max(280, plot.clientWidth), [xs, ys] = [metrics[state.x], metrics[state.y]];
    const upwards = scaleOf(points.map(({ y }) => y), HEIGHT - BOTTOM, TOP), labels = upwards.ticks.map((value) => tickText(value, ys.unit));
    const left = 16 + LETTER_PX * Math.max(...labels.map((label) => label.length)), across = scaleOf(points.map(({ x }) => x), left, width - RIGHT);
    const name = `${ys.label} against ${xs.label.toLowerCase()} of ${points.length} cells; the table below holds the same.`;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": name });
    upwards.ticks.forEach((value, index) => {
      const y = upwards.at(value);
      svg("line", { x1: left, x2: width - RIGHT, y1: y, y2: y, class: "ex-grid" }, picture);
      svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, picture, labels[index]);
    });
    let free = -Infinity;
    for (const value of across.ticks) {
      const x = across.at(value);
      svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, class: "ex-grid" }, picture);
      if (x - 34 < free || x + 34 > width) continue;
      free = x + 34;
      svg("text", { x, y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, picture, tickText(value, xs.unit));
    }
    const title = (metric, scale) => `${metric.label}${scale.log ? " (logarithmic)" : ""}, ${metric.higher ? "more" : "less"} is better`;
    svg("text", { x: width - RIGHT, y: HEIGHT - 8, "text-anchor": "end", class: "ex-title" }, picture, title(xs, across));
    const best = front(points);
    drawn = points.map(({ cell, x, y }) => ({ cell, x, y, left: across.at(x), top: upwards.at(y), front: best.has(cell) }));
    for (const point of [...drawn].sort((a, b) => a.front - b.front)) {
      const path = SHAPES[point.cell.shape](point.left, point.top);
      svg("path", { d: path, class: `ex-point ${point.cell.hue}${point.front ? " front" : ""}` }, picture);
    }
    plot.replaceChildren(element("p", title(ys, upwards), null, { class: "ex-upwards" }), picture);
    return points.map(({ cell }) => cell);
  }
  function showLegend(points) {
    const engines = new Map(points.map(({ cell }) => [text(cell, ENGINE), cell]));
    legend.replaceChildren();
    if (engines.size < 2 || engines.size > MOST_NAMED) return;
    for (const [name, cell] of [...engines].sort(([a], [b]) => a.localeCompare(b, "en"))) {
      const item = element("span", "", legend);
      mark(cell, item);
      element("span", name, item);
    }
  }
  function nearest(event) {
    const frame = plot.querySelector("svg")?.getBoundingClientRect();
    if (!frame) return null;
    const [left, top] = [event.clientX - frame.left, event.clientY - frame.top];
    let best = null, least = NEAR_PX;
    for (const point of drawn) {
      const distance = Math.hypot(point.left - left, point.top - top);
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }
  function tell(point) {
    near.hidden = false;
    near.replaceChildren();
    element("a", `${text(point.cell, MODEL)}, ${point.cell.configuration}`, near, { href: box.dataset.root + point.cell.address });
    const both = [[point.x, metrics[state.x]], [point.y, metrics[state.y]]].map(([value, metric]) => quantity(value, metric.unit, true));
    element("span", `: ${both.join(", ")}; ${text(point.cell, STUDY)}, ${text(point.cell, MACHINE)}${point.front ? "; nothing measured beats it in both" : ""}.`, near);
  }
  plot.addEventListener("pointermove", (event) => {
    const point = nearest(event);
    plot.style.cursor = point ? "pointer" : "";
    if (point) tell(point);
  });
  plot.addEventListener("click", (event) => {
    const point = nearest(event);
    if (!point) return;
    if (event.pointerType === "mouse" || event.pointerType === undefined) location.href = box.dataset.root + point.cell.address;
    else tell(point); /* on a touch screen the link below the figure leads on */
  });

  /* the table: columns that can be sorted, the first rows of all */
  const COLUMNS = [
    ["cell", "Cell", (cell) => `${text(cell, MODEL)}, ${cell.configuration}`], ["x", "", (cell) => cell.values[state.x]],
    ["y", "", (cell) => cell.values[state.y]], ["runs", "Valid runs", (cell) => cell.runs], ["study", "Study", (cell) => text(cell, STUDY)],
    ["machine", "Machine", (cell) => text(cell, MACHINE)], ["energy", "Energy", (cell) => text(cell, ENERGY)]
  ];
  function sorted(shown) {
    const down = state.sort.startsWith("-"), column = COLUMNS.find(([name]) => name === state.sort.replace("-", ""));
    if (!column) return shown;
    const keyed = shown.map((cell) => ({ cell, key: column[2](cell) }));
    return keyed.sort(({ key: a }, { key: b }) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return (down ? -1 : 1) * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
    }).map(({ cell }) => cell);
  }
  function fillTable(shown) {
    const head = table.tHead.rows[0], body = table.tBodies[0], rows = sorted(shown), some = state.every ? rows : rows.slice(0, FIRST);
    COLUMNS.forEach(([name, label], index) => {
      const th = head.cells[index], metric = name === "x" || name === "y" ? metrics[state[name]] : null;
      const button = element("button", metric ? metric.label : label, null, { type: "button", class: "sort" });
      const order = { [name]: "ascending", [`-${name}`]: "descending" }[state.sort];
      if (order) th.setAttribute("aria-sort", order); else th.removeAttribute("aria-sort");
      button.addEventListener("click", () => {
        state.sort = state.sort === name ? `-${name}` : state.sort === `-${name}` ? "" : name;
        update();
        head.cells[index].firstChild.focus();
      });
      th.replaceChildren(button);
    });
    const made = document.createDocumentFragment();
    for (const cell of some) {
      const row = element("tr", "", made), first = element("th", "", row, { scope: "row" });
      element("a", `${text(cell, MODEL)}, ${cell.configuration}`, first, { href: box.dataset.root + cell.address });
      [state.x, state.y].forEach((at) => {
        const value = cell.values[at];
        element("td", value === null ? "\u2013" : quantity(value, metrics[at].unit, true), row, { class: "num" });
      });
      element("td", String(cell.runs), row, { class: "num" });
      [STUDY, MACHINE, ENERGY].forEach((index) => element("td", text(cell, index), row, index === STUDY ? { class: "prose" } : {}));
    }
    body.replaceChildren(made);
    rest.replaceChildren();
    if (some.length < rows.length) {
      element("span", `The first ${some.length} of ${rows.length} cells. `, rest);
      const more = element("button", "Show all rows", rest, { type: "button", class: "plain" });
      more.addEventListener("click", () => { state.every = true; update(); });
      element("span", " ", rest);
    }
    const save = element("button", "Take these cells as CSV", rest, { type: "button", class: "plain" });
    save.addEventListener("click", () => download(rows));
  }
  function csvText(value) {
    const guarded = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\n\r]/.test(guarded) ? `"${guarded.replace(/"/g, '""')}"` : guarded;
  }
  function download(rows) {
    const head = [...facets.map(({ name }) => name), "configuration", "valid_runs", ...metrics.map(({ id }) => id), "page"];
    const lines = rows.map((cell) => [...facets.map((_, index) => text(cell, index)), cell.configuration, cell.runs, ...cell.values, cell.address]);
    const address = URL.createObjectURL(new Blob([[head, ...lines].map((line) => line.map(csvText).join(",")).join("\n") + "\n"], { type: "text/csv" }));
    element("a", "", null, { href: address, download: "cells.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  /* what must be known before points are compared */
  function remarks(shown) {
    const machines = new Set(shown.map((cell) => cell.places[MACHINE])).size, studies = new Set(shown.map((cell) => cell.places[STUDY])).size;
    const modelled = metrics[state.x].energy || metrics[state.y].energy ? shown.filter((cell) => cell.places[ENERGY] === MODELLED).length : 0;
    const parts = [`${shown.length} of ${cells.length} cells are drawn. A filled point: no other cell of its study and model beats it in both metrics.`];
    if (machines > 1) parts.push(`They come from ${machines} machines, whose joules and seconds cannot be compared.`);
    else if (studies > 1) parts.push(`They come from ${studies} studies, whose prompts and lengths may differ.`);
    if (modelled) parts.push(`Energy of ${modelled === shown.length ? "all of them" : `${modelled} of them`} is modelled from the CPU load, not metered.`);
    told.textContent = parts.join(" ");
  }
  function update() {
    const { shown, counts } = select();
    showFacets(counts);
    for (const axis of ["x", "y"]) selects[axis].value = String(state[axis]);
    remarks(draw(shown));
    fillTable(shown);
    toAddress();
  }
  addFacets();
  addAxes();
  for (const hidden of [fold, axesBox, plot]) hidden.hidden = false;
  fold.open = window.matchMedia("(min-width: 66rem)").matches; /* on a phone the figure comes first */
  fromAddress();
  update();
  window.addEventListener("hashchange", () => { fromAddress(); update(); });
  let waiting = 0;
  window.addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => draw(select().shown)); });
})();
