/* greenreport: small conveniences. Without this file the pages lose nothing but interaction. */
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  function element(name, text, parent, attributes = {}) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    if (text) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function svg(name, attributes, parent, content) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    if (content) made.textContent = content;
    if (parent) parent.appendChild(made);
    return made;
  }

  /* the marks of engines, as figures draw them */
  const SHAPES = {
    square: (x, y) => `M${x - 4},${y - 4}h8v8h-8z`, diamond: (x, y) => `M${x},${y - 6}l6,6l-6,6l-6,-6z`,
    "triangle-up": (x, y) => `M${x},${y - 5.5}l5.5,9.5h-11z`, circle: (x, y) => `M${x - 4.5},${y}a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z`
  };
  function mark({ shape, hue }, parent) {
    const made = svg("svg", { width: 14, height: 14, class: "mark", "aria-hidden": "true" }, parent);
    svg("path", { d: SHAPES[shape](7, 7), class: hue }, made);
  }

  /* theme: system, or the choice that theme.js took over; colours in drawings are variables and follow by themselves */
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const toggle = document.getElementById("theme");
  function nameToggle() { if (toggle) toggle.textContent = isDark() ? "Light" : "Dark"; }
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("greenreport-theme", root.dataset.theme); } catch (e) { /* private mode: the choice lasts for this page */ }
      nameToggle();
    });
  }
  nameToggle();
  system.addEventListener("change", nameToggle);

  /* what the reader chose on this page stands in the address behind "?": it can be shared and is there again after going back */
  let chosen = chosenInAddress();
  const followers = []; /* what fills itself from the choice when a link changes it on the open page */
  function chosenInAddress() {
    const choices = Object.create(null);
    for (const part of location.hash.split("?").slice(1).join("?").split("&")) {
      const at = part.indexOf("=");
      if (at > 0) choices[part.slice(0, at)] = part.slice(at + 1).split(",").map(decoded);
    }
    return choices;
  }
  function decoded(text) { try { return decodeURIComponent(text); } catch (e) { return text; } }
  /* what a field for numbers takes; of anything else nothing */
  function numeral(text) { return text.trim() && isFinite(text) ? String(Number(text)) : ""; }
  function isChosen(name, word) { return (chosen[name] || []).includes(word); }
  function switchChoice(name, word) {
    const words = chosen[name] || [];
    chosen[name] = isChosen(name, word) ? words.filter((other) => other !== word) : [...words, word];
  }
  function withChoice(anchor) {
    const names = Object.keys(chosen).sort().filter((name) => chosen[name].length);
    const parts = names.map((name) => `${name}=${chosen[name].map(encodeURIComponent).join(",")}`);
    return `#${anchor}${parts.length ? "?" : ""}${parts.join("&")}`;
  }
  /* other scripts keep theirs there, too */
  document.addEventListener("greenreport-choice", ({ detail: { name, words } }) => {
    chosen[name] = words;
    keepChoice(location.hash.slice(1).split("?")[0] || "main");
  });
  function keepChoice(anchor) { history.replaceState(null, "", withChoice(anchor)); }

  /* where the pages of a study do not all fit, this one is seen among them */
  const here = document.querySelector(".sub [aria-current]");
  if (here) here.parentElement.scrollLeft += here.getBoundingClientRect().right - here.parentElement.getBoundingClientRect().right + 24;

  /* interactive charts take the place of the static drawing when they come into view */
  const figures = all("figure.gr-fig");
  /* a specification with all its panels and layers */
  function nodes(spec) { return [spec, ...[spec.layer, spec.vconcat, spec.spec].flat().filter(Boolean).flatMap(nodes)]; }
  /* on a phone the labels of configurations take two lines: engine over provider */
  function stacked(spec) {
    const axes = nodes(spec).map((node) => node.encoding?.y).filter((y) => ["label", "row"].includes(y?.field));
    for (const y of axes) y.axis = { ...y.axis, labelExpr: "split(datum.value, '\u00a0·\u00a0')", labelOffset: -6 };
    return Math.max(0, ...axes.map((y) => y.scale?.domain?.length || 1));
  }
  /* the names beside the cells of a matrix stand above their rows there, so that more columns are seen */
  function above(spec) {
    const axes = nodes(spec).map((node) => node.encoding?.y).filter((y) => y?.field === "model" && y.scale?.domain);
    for (const y of axes) {
      y.axis = { ...y.axis, labelAlign: "left", labelBaseline: "bottom", labelPadding: 0, labelOffset: -(ROW_ABOVE - NAME_ABOVE) / 2 - 3, labelLimit: 300 };
      y.scale = { ...y.scale, paddingInner: NAME_ABOVE / ROW_ABOVE, paddingOuter: NAME_ABOVE / ROW_ABOVE / 2 };
    }
    return Math.max(0, ...axes.map((y) => y.scale.domain.length));
  }
  const ROW_ABOVE = 56, NAME_ABOVE = 18; /* pixels of a row with its name, and of the name */
  /* a long title of an axis takes two lines there */
  function titlesInTwo(spec) {
    for (const { encoding } of nodes(spec)) {
      const title = encoding?.x?.title;
      if (typeof title !== "string" || title.length < LONG_TITLE || !title.includes(" ")) continue;
      const middle = title.length / 2, gaps = [...title.matchAll(/ /g)].map(({ index }) => index);
      const gap = gaps.reduce((best, at) => Math.abs(at - middle) < Math.abs(best - middle) ? at : best);
      encoding.x.title = [title.slice(0, gap), title.slice(gap + 1)];
    }
  }
  const LONG_TITLE = 32; /* letters */
  /* the specification says where its plot's width stands and how many pixels its labels need beside it */
  function fitted(spec, width) {
    const hint = spec.usermeta?.greenreport;
    if (hint && width > 0) {
      const narrow = width < 480, rows = narrow ? stacked(spec) : 0, named = narrow ? above(spec) : 0;
      const chrome = named ? 8 : hint.chrome - (rows ? 60 : 0);
      if (narrow) { spec.config.legend.columns = 1; titlesInTwo(spec); }
      const plots = hint.plot === "vconcat" ? spec.vconcat : [hint.plot === "spec.width" ? spec.spec : spec];
      if (rows && hint.plot !== "vconcat") for (const plot of plots) plot.height = Math.max(plot.height, rows * 34); /* two lines, and a gap to the next */
      if (named) for (const plot of plots) plot.height = named * ROW_ABOVE;
      for (const plot of plots) plot.width = Math.round(Math.max(hint.narrowest, Math.min(width - chrome, hint.widest)));
    }
    return spec;
  }
  /* engines that are hidden lose their rows; axes stay, so that nothing jumps */
  function hideRows(spec, groups) {
    const hidden = new Set(groups.filter((group) => isChosen("hide", group.id)).flatMap((group) => group.of));
    for (const [name, rows] of Object.entries(spec.datasets)) {
      spec.datasets[name] = rows.filter((row) => !hidden.has(row.configuration) && !hidden.has(row.other));
    }
  }
  /* rows travel as columns, whose texts stand there once */
  function specOf(figure) {
    const script = figure.querySelector("script.gr-spec"), spec = script ? JSON.parse(script.textContent) : {};
    for (const [name, rows] of Object.entries(spec.datasets || {})) {
      if (Array.isArray(rows)) continue;
      const columns = rows.columns.map(({ values, at }) => at ? at.map((place) => values[place]) : values);
      spec.datasets[name] = columns[0].map((_, place) => Object.fromEntries(rows.names.map((key, column) => [key, columns[column][place]])));
    }
    return spec;
  }
  function named(figure) { return figure.id.slice(4); }
  function hintOf(figure) {
    if (!figure.grHint) {
      const spec = specOf(figure);
      const moves = (spec.params || []).some((param) => param.bind === "scales");
      figure.grHint = { groups: [], ...spec.usermeta?.greenreport, moves };
    }
    return figure.grHint;
  }
  function adapted(figure, spec) {
    const { groups, switch: other } = hintOf(figure), { root } = figure.querySelector(".gr-vis").dataset;
    for (const row of Object.values(spec.datasets).flat()) if (row.page) row.page = root + row.page; /* of a cell */
    if (groups.length) hideRows(spec, groups);
    if (other && isChosen(other.to, named(figure))) { /* the other kind of axis was prepared when the site was built */
      for (const { encoding } of nodes(spec)) if (encoding?.x?.type === "quantitative") Object.assign(encoding.x, structuredClone(other.x));
    }
    return spec;
  }
  function allHidden(groups) { return groups.length > 0 && groups.every((group) => isChosen("hide", group.id)); }
  function addTools(figure) {
    const { groups, switch: other, moves } = hintOf(figure);
    if (figure.querySelector(".gr-tools") || (!groups.length && !other && !moves)) return;
    const bar = element("div", "", null, { class: "gr-tools", role: "group", "aria-label": "What this figure shows" });
    function button(text, name, word, act, look) {
      const made = element("button", "", bar, { type: "button", "data-name": name, "data-word": word });
      made.addEventListener("click", () => { act(); keepChoice(figure.id); applyChoice(); });
      if (look) mark(look, made);
      element("span", text, made);
    }
    for (const group of groups) {
      button(group.name, "hide", group.id, () => {
        switchChoice("hide", group.id);
        if (allHidden(groups)) groups.forEach((each) => switchChoice("hide", each.id));
      }, group);
    }
    if (other) button(other.to === "window" ? "Measured window only" : "Logarithmic axis", other.to, named(figure), () => switchChoice(other.to, named(figure)));
    if (moves) element("small", "Drag to move along the axis, Shift and the wheel to zoom, double click for all of it.", bar, { class: "soft" });
    figure.insertBefore(bar, figure.querySelector(".gr-vis"));
    showPressed(figure);
  }
  function showPressed(figure) {
    for (const button of all(".gr-tools button", figure)) {
      const { name, word } = button.dataset;
      button.setAttribute("aria-pressed", String(isChosen(name, word) === (name === "log" || name === "window")));
    }
  }
  function applyChoice() {
    all(".gr-choice").forEach(showChosen);
    figures.forEach(showPressed);
    figures.filter((figure) => figure.dataset.live === "true").forEach(draw);
  }
  function showChosen(box) {
    const inside = all("figure.gr-fig", box), wanted = chosen[box.dataset.param]?.[0];
    const shown = inside.find((figure) => named(figure) === wanted) || inside[0];
    inside.forEach((figure) => { figure.hidden = figure !== shown; });
    all("input", box).forEach((input) => { input.checked = input.value === named(shown); });
  }
  /* of figures that show the same in several metrics, one at a time */
  function addChoice(box) {
    const inside = all("figure.gr-fig", box), param = box.dataset.param, names = JSON.parse(box.dataset.names);
    if (inside.length < 2) return;
    const set = element("fieldset", "", null, { class: "gr-tools" });
    element("legend", box.dataset.label, set);
    inside.forEach((figure, index) => {
      const label = element("label", "", set);
      const input = element("input", "", label, { type: "radio", name: param, value: named(figure) });
      element("span", names[index], label);
      input.addEventListener("change", () => {
        chosen[param] = index ? [named(figure)] : [];
        keepChoice(figure.id);
        applyChoice();
      });
    });
    box.prepend(set);
    showChosen(box);
  }
  /* where a narrow screen brings labels of marks together, the first stays; none reaches out of the drawing or lies on a text of an axis; the others are in the tooltips and in the table */
  function hideOverlapping(place) {
    const edge = place.querySelector("svg")?.getBoundingClientRect().right + 1;
    const taken = all(".role-axis text", place).filter((text) => text.getAttribute("opacity") !== "0").map((text) => text.getBoundingClientRect());
    for (const text of all(".mark-text.role-mark text", place)) {
      const box = text.getBoundingClientRect(), free = !(box.right > edge) && taken.every((other) =>
        box.right <= other.left || other.right <= box.left || box.bottom <= other.top || other.bottom <= box.top);
      if (free) taken.push(box); else text.setAttribute("visibility", "hidden");
    }
  }
  /* of a matrix wider than the screen, the best cell is seen; no further than needed, so that names beside the cells are seen as well */
  function showBest(holder) {
    const best = holder.querySelector(".mark-text.role-mark text[font-weight='700']");
    if (!best || holder.scrollWidth <= holder.clientWidth) return;
    const beyond = best.getBoundingClientRect().right - holder.getBoundingClientRect().right;
    if (beyond > 0) holder.scrollLeft += beyond + BESIDE_BEST;
  }
  const BESIDE_BEST = 28; /* pixels from the best value to the edge */
  const SIDES = 16; /* pixels of room beside a drawing */
  /* texts are measured in the font of figures, so it has to be there; without it they are drawn in the next one */
  const letters = figures.length ? Promise.all([400, 700].map((weight) => document.fonts.load(`${weight} 12px "Greenreport Sans"`))).catch(() => null) : null;
  function draw(figure) {
    const holder = figure.querySelector(".gr-vis"), script = figure.querySelector("script.gr-spec");
    if (!holder || !script || !window.vegaEmbed || figure.hidden) return;
    const turn = figure.grTurn = (figure.grTurn || 0) + 1;
    if (allHidden(hintOf(figure).groups)) {
      holder.replaceChildren(element("p", "Everything this figure shows is hidden."));
      figure.dataset.live = "true";
      return;
    }
    const spec = fitted(adapted(figure, specOf(figure)), holder.clientWidth - SIDES), place = element("div");
    letters.then(() => window.vegaEmbed(place, spec, {
      renderer: "svg", ast: true, defaultStyle: false, actions: false, mode: "vega-lite",
      tooltip: { disableDefaultStyle: true, sanitize: escaped }
    })).then(() => {
      if (turn !== figure.grTurn) return; /* a later choice was faster */
      /* a layer without a mark would be read out as a picture without a name */
      all("[role=graphics-symbol]:not([aria-label])", place).forEach((layer) => layer.setAttribute("aria-hidden", "true"));
      holder.replaceChildren(place);
      hideOverlapping(place);
      holder.classList.add("live");
      showBest(holder);
      figure.dataset.live = "true";
    }).catch((error) => { figure.dataset.live = "failed"; console.error(error); });
  }
  function escaped(value) {
    return String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  }
  for (const figure of figures) figure.grSpec = () => specOf(figure);
  if (figures.length && window.vegaEmbed) {
    all(".gr-choice").forEach(addChoice);
    figures.forEach(addTools);
    const observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) { observer.unobserve(target); draw(target); }
    }, { rootMargin: "200px" });
    figures.forEach((figure) => observer.observe(figure));
  }

  /* on paper everything is open but long tables; afterwards only what was before */
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded.push(...all("main details:not([open]):not(.long)"));
    unfolded.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => {
    unfolded.forEach((details) => { details.open = false; });
    unfolded = [];
  });

  /* permalink of a figure */
  for (const button of all("button[data-link]")) {
    const label = button.textContent;
    function say(text) { button.textContent = text; setTimeout(() => { button.textContent = label; }, 1600); }
    button.hidden = false;
    button.addEventListener("click", async () => {
      keepChoice(button.dataset.link);
      try {
        await navigator.clipboard.writeText(location.href);
        say("Link copied");
      } catch (e) { say("Link is in the address bar"); } /* no clipboard, or not allowed */
    });
  }

  /* numbers as the pages print them: three digits, with the prefix of their size */
  function digits(value) {
    const rounded = Number(value.toPrecision(3)), places = rounded ? 2 - Number(rounded.toExponential().split("e")[1]) : 0;
    const fixed = Math.min(20, Math.max(0, places));
    return rounded.toLocaleString("en", { minimumFractionDigits: fixed, maximumFractionDigits: fixed });
  }
  const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"]];
  function quantity(value, unit, prefixed) {
    if (!prefixed || !value) return `${digits(value)}\u202f${unit}`;
    const [factor, prefix] = PREFIXES.find(([least]) => value >= least * 0.9995) || PREFIXES.at(-1);
    return `${digits(value / factor)}\u202f${prefix}${unit}`;
  }

  window.greenreport = { all, element, svg, SHAPES, mark, quantity, decoded }; /* for the scripts of single pages */

  /* the decision helper: filter cells by limits, name the most frugal one that is left on each model */
  function decisionHelper(helper) {
    const data = JSON.parse(helper.querySelector(".helper-data").textContent);
    const fields = all("select, input", helper), verdict = helper.querySelector(".verdict");
    /* name of the limit, medians it is compared with, factor to its unit, whether it is an upper one */
    const LIMITS = [["latency", ["latency"], 1e3, true], ["energy", ["energy"], 1, true], ["throughput", ["throughput"], 1, false]];
    /* memory is that of the server and, with a GPU, that of the GPU too: each has to fit */
    function fits(cell, limits) {
      if (limits.gpu === "no" && cell.gpu) return false;
      return [...LIMITS, ["memory", cell.gpu ? ["memory", "gpu_memory"] : ["memory"], 1e-9, true]].every(([name, medians, factor, upper]) =>
        limits[name] === undefined || medians.every((median) => {
          if (!cell[median]) return false; /* what was not measured keeps to no limit */
          const value = cell[median][0] * factor, limit = Number(limits[name]);
          return upper ? value <= limit : value >= limit;
        }));
    }
    function hasSize(model, { larger, smaller }) {
      if (larger === undefined && smaller === undefined) return true;
      if (model.parameters === null) return false;
      const millions = model.parameters / 1e6;
      return (larger === undefined || millions >= Number(larger)) && (smaller === undefined || millions <= Number(smaller));
    }
    function estimate([value, low, high], factor, unit) {
      const [text, ...ends] = [value, low, high].map((number) => quantity(number * factor, unit, true));
      return low === null ? text : `${text} [${ends.join(", ")}]`;
    }
    function link(text, address, line) { return element("a", text, line, { href: helper.dataset.root + address }); }
    function claim({ text, page, against, interval }, line) {
      link(text, page, line).className = "claim";
      element("span", `${against} (${interval})`, line);
    }
    /* what the choice saves against the reference; of the reference itself, what the next best would cost */
    function comparison(best, left, line) {
      const next = left.find((cell) => cell.claim);
      if (best.claim) {
        element("span", ": ", line);
        claim(best.claim, line);
      } else if (best.reference && next) {
        element("span", `. It is the reference; ${next.label} uses `, line);
        claim(next.claim, line);
      } else if (best.reference) element("span", ". It is the reference", line);
    }
    function advise(model, limits) {
      const cells = data.cells.filter((cell) => cell.model === model.id), left = cells.filter((cell) => fits(cell, limits));
      const line = element("p", "", verdict);
      if (!left.length) { line.textContent = `On ${model.label}: no configuration stays within these limits.`; return; }
      left.sort((a, b) => a.energy[0] - b.energy[0]);
      const [best, ...others] = left, ties = others.filter((cell) => cell.tie.some((tie) => best.tie.includes(tie)));
      element("span", `On ${model.label}: `, line);
      link(best.label, best.page, line);
      element("span", ` uses the least energy${best.estimated ? " (estimated)" : ""}, ${estimate(best.energy, 1e3, "J")} for 1,000 requests`, line);
      comparison(best, left, line);
      const measured = [["95th-percentile latency", best.latency, "s"], ["server memory", best.memory, "B"], ["GPU memory", best.gpu_memory, "B"]]
        .filter(([, value]) => value).map(([name, value, unit]) => `; ${name} ${estimate(value, 1, unit)}`).join("");
      element("span", `${measured}. Medians over ${best.runs} runs; ${left.length} of ${cells.length} configurations stay within the limits.`, line);
      if (ties.length) element("span", ` Statistically tied with it in energy: ${ties.map((cell) => cell.label).join(", ")}.`, line);
      else if (others.length && best.tie.length) element("span", " None of the others is statistically tied with it in energy.", line);
    }
    function answer() {
      const limits = Object.fromEntries(fields.filter((field) => field.value !== "").map((field) => [field.name, field.value]));
      const models = data.models.filter((model) => (!limits.model || limits.model === model.id) && hasSize(model, limits));
      verdict.replaceChildren();
      models.forEach((model) => advise(model, limits));
      if (!models.length) element("p", "No model of this study has such a size.", verdict);
    }
    function fill() {
      for (const field of fields) {
        const wanted = chosen[field.name]?.[0] || "";
        field.value = field.type === "number" ? numeral(wanted) : wanted;
        if (field.tagName === "SELECT" && field.selectedIndex < 0) field.selectedIndex = 0;
      }
      answer();
    }
    for (const field of fields) field.addEventListener("input", () => {
      chosen[field.name] = field.value === "" ? [] : [field.value];
      keepChoice("helper");
      answer();
    });
    return fill;
  }

  /* carbon, water and cost with the reader's factors: the same product as in the published table */
  function footprintFactors(section) {
    const data = JSON.parse(section.querySelector(".factors-data").textContent), inputs = all("input", section);
    const tables = all("table.yours", section), remark = section.querySelector(".told"), form = section.querySelector("form");
    function end(input) { return ["low", "central", "high"].indexOf(input.dataset.end); }
    function fill() {
      for (const input of inputs) {
        const words = chosen[input.name] || [];
        input.value = words.length === 3 ? numeral(words[end(input)]) : String(data.factors[input.name][end(input)]);
      }
      answer();
    }
    function read() {
      const factors = {};
      for (const input of inputs) {
        const value = input.value === "" ? NaN : Number(input.value);
        (factors[input.name] ||= [])[end(input)] = value >= Number(input.min) ? value : NaN;
      }
      return factors;
    }
    function isDeclared(name, range) { return String(range) === String(data.factors[name]); }
    function amount([central, least, most], range, pue, kind) {
      const ends = [central * (pue[1] * range[1]), least * pue[0] * range[0], most * pue[2] * range[2]];
      const [middle, low, high] = ends.map((value) => quantity(value, kind.unit, kind.prefixed));
      return [middle, `[${low}, ${high}]`];
    }
    function answer() {
      const now = read(), pue = now.pue || [1, 1, 1], ranges = Object.entries(now);
      const wrong = ranges.filter(([, [low, central, high]]) => !(low <= central && central <= high)).map(([name]) => name);
      for (const input of inputs) {
        if (wrong.includes(input.name)) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
      }
      remark.textContent = wrong.length ? "Give numbers with low \u2264 central \u2264 high; a power usage effectiveness is at least 1."
        : ranges.every(([name, range]) => isDeclared(name, range)) ? "These are the declared factors."
        : "Derived with your factors, not with those of the study.";
      data.tables.forEach((rows, index) => rows.forEach((kwh, line) => data.kinds.forEach((kind, column) => {
        const [central, range] = wrong.length ? ["\u2013", ""] : amount(kwh, now[kind.id], pue, kind);
        const cell = tables[index].tBodies[0].rows[line].cells[column + 2];
        cell.firstChild.data = central;
        cell.lastChild.textContent = range;
      })));
    }
    form.addEventListener("input", () => {
      for (const [name, range] of Object.entries(read())) {
        chosen[name] = isDeclared(name, range) ? [] : range.map((value) => isNaN(value) ? "" : String(value));
      }
      keepChoice("factors");
      answer();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      for (const name of Object.keys(data.factors)) chosen[name] = [];
      keepChoice("factors");
      fill();
    });
    return fill;
  }

  for (const [id, set] of [["helper", decisionHelper], ["factors", footprintFactors]]) {
    const section = document.getElementById(id);
    if (!section) continue;
    const fill = set(section);
    followers.push(fill);
    section.hidden = false;
    fill();
  }

  /* a link to a derivation opens it, a link to a figure shows it, a shared choice is taken over */
  function openTarget() {
    const name = decoded(location.hash.slice(1).split("?")[0]), target = name && document.getElementById(name);
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const inner = target.querySelector("details"), box = target.closest(".gr-choice");
    if (inner && target.classList.contains("derivation")) inner.open = true;
    if (box && target.hidden) { chosen[box.dataset.param] = [named(target)]; applyChoice(); }
    if (box || location.hash.includes("?")) target.scrollIntoView();
  }
  window.addEventListener("hashchange", () => {
    if (location.hash.includes("?")) {
      chosen = chosenInAddress();
      applyChoice();
      followers.forEach((follow) => follow());
    }
    openTarget();
  });
  openTarget();
})();
