/* greenreport: what helps to share and to find. Without this file the code to embed a figure can still be copied by hand. */
(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  function element(name, text, parent) {
    const made = document.createElement(name);
    made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  /* the code that shows a figure or the badge of a study elsewhere: complete its address where the page knows its own, and copy it */
  const served = /^https?:$/.test(location.protocol);
  for (const box of all(".gr-code")) {
    const area = box.querySelector("textarea"), button = box.querySelector("button[data-copy]"), hint = box.querySelector("p.soft");
    const { embed, place, root } = area.dataset;
    if (embed && served) {
      const address = new URL(embed, location.href).href.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
      area.value = area.value.replace(/src="[^"]*"/, () => `src="${address}"`);
    }
    if (place && served) area.value = area.value.replaceAll(root, () => new URL(place, location.href).href);
    if (hint && served && (embed || place)) hint.hidden = true;
    area.addEventListener("focus", () => area.select());
    button.hidden = false;
    button.addEventListener("click", async () => {
      function say(text) { button.textContent = text; setTimeout(() => { button.textContent = "Copy"; }, 1600); }
      try {
        await navigator.clipboard.writeText(area.value);
        say("Copied");
      } catch (e) { /* no clipboard, or not allowed */
        area.focus();
        area.select();
        say("Selected: copy it with your keyboard");
      }
    });
  }

  /* figures of one cell, model or configuration: what they are taken away as is made here, in the colours that are shown */
  const STYLE = getComputedStyle(document.documentElement), FONT = "Greenreport Sans, Liberation Sans, Arial, Helvetica, sans-serif";
  function colour(name) { return STYLE.getPropertyValue(name).trim(); }
  function coloured(text) { return text.replace(/var\((--[a-z]+)\)/g, (_, name) => colour(name)).replaceAll("currentColor", colour("--ink")); }
  function drawingOf(figure) {
    const shown = figure.querySelector(".gr-vis svg"), svg = shown.cloneNode(true), { width, height } = shown.viewBox.baseVal;
    for (const [name, value] of [["xmlns", "http://www.w3.org/2000/svg"], ["width", width], ["height", height], ["font-family", FONT]]) svg.setAttribute(name, value);
    return { text: coloured(new XMLSerializer().serializeToString(svg)), width, height };
  }
  function linesOf(context, text, room) {
    const lines = [];
    for (const word of text.split(" ")) {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      if (lines.length && context.measureText(longer).width <= room) lines[lines.length - 1] = longer; else lines.push(word);
    }
    return lines;
  }
  async function pictureOf(figure, source) {
    const { text, width, height } = drawingOf(figure), image = new Image(), edge = 18, scale = 2;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas"), context = canvas.getContext("2d"), caption = figure.querySelector("figcaption");
    const parts = [[`700 15px ${FONT}`, 20, "--ink", caption.querySelector("h1, h2, h3")], [`11px ${FONT}`, 15, "--soft", caption.querySelector("p")], [`11px ${FONT}`, 15, "--soft", { textContent: source }]];
    const lines = parts.flatMap(([font, step, name, { textContent }]) => {
      context.font = font;
      return linesOf(context, textContent.trim(), width).map((line) => ({ font, step, name, line }));
    });
    canvas.width = (width + 2 * edge) * scale;
    canvas.height = (height + 3 * edge + lines.reduce((total, { step }) => total + step, 0)) * scale;
    context.scale(scale, scale);
    context.fillStyle = colour("--paper");
    context.fillRect(0, 0, canvas.width, canvas.height);
    let y = edge;
    for (const { font, step, name, line } of lines) {
      y += step;
      context.font = font;
      context.fillStyle = colour(name);
      context.fillText(line, edge, y - 5);
    }
    context.drawImage(image, edge, y + edge, width, height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
  const MADE = {
    png: pictureOf,
    svg: (figure) => new Blob([drawingOf(figure).text], { type: "image/svg+xml" }),
    "vl.json": (figure) => new Blob([coloured(JSON.stringify(figure.grSpec()))], { type: "application/json" }),
  };
  for (const button of all("button[data-make]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const { name, source } = button.parentElement.dataset, { make } = button.dataset, link = document.createElement("a");
      link.href = URL.createObjectURL(await MADE[make](button.closest("figure"), source));
      link.download = `${name}.${make}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  /* the search box: its index is a script, loaded when somebody begins to search, since no page may fetch anything */
  const MOST = 12;
  function fold(text) { return text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, ""); }
  /* 0 for a name that begins with the word, then words inside it, parts of words, and other texts */
  function rank({ name, text }, word) {
    const at = name.indexOf(word);
    if (at < 0) return text.includes(word) ? 3 : Infinity;
    return at === 0 ? 0 : /[^a-z0-9]/.test(name[at - 1]) ? 1 : 2;
  }
  function matching(entries, typed) {
    const words = fold(typed).split(/\s+/).filter(Boolean);
    return entries
      .map((entry) => ({ entry, rank: words.reduce((total, word) => total + rank(entry, word), 0) }))
      .filter((match) => match.rank < Infinity)
      .sort((a, b) => a.rank - b.rank)
      .map((match) => match.entry);
  }
  for (const box of all(".search")) {
    const input = box.querySelector("input"), list = box.querySelector("ul"), status = box.querySelector("[role=status]");
    let entries = null, requested = false;
    function load() {
      if (requested) return;
      requested = true;
      const script = document.createElement("script");
      script.src = box.dataset.index;
      script.onload = () => {
        entries = window.greenreportSearch.map((e) => ({ ...e, name: fold(e.title), text: fold([e.title, e.kind, e.where, e.words].join(" ")) }));
        show();
      };
      document.head.appendChild(script);
    }
    function close() { list.hidden = true; list.replaceChildren(); status.textContent = ""; }
    function addRow({ title, kind, where, address }) {
      const link = element("a", title, element("li", "", list));
      link.href = box.dataset.root + address;
      element("small", kind + (where ? ` \u00b7 ${where.length > 110 ? `${where.slice(0, 109)}\u2026` : where}` : ""), link);
    }
    function show() {
      if (!entries) return;
      if (!fold(input.value).trim()) { close(); return; }
      const matches = matching(entries, input.value);
      list.replaceChildren();
      matches.slice(0, MOST).forEach(addRow);
      if (!matches.length) element("li", "Nothing found", list);
      list.hidden = false;
      const more = matches.length > MOST ? `, the first ${MOST} are listed` : "";
      status.textContent = matches.length ? `${matches.length} found${more}` : "Nothing found";
    }
    box.hidden = false;
    input.addEventListener("focus", load);
    input.addEventListener("input", () => { load(); show(); });
    box.addEventListener("keydown", (event) => {
      const links = all("a", list), at = links.indexOf(document.activeElement);
      if (event.key === "Escape" && !list.hidden) { close(); input.focus(); }
      else if (event.key === "ArrowDown" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
      else if (event.key === "ArrowUp" && at >= 0) (at ? links[at - 1] : input).focus();
      else if (event.key === "Enter" && document.activeElement === input && links.length) { links[0].click(); return; }
      else return;
      event.preventDefault();
    });
    box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) list.hidden = true; });
    box.addEventListener("focusin", () => { if (list.children.length) list.hidden = false; });
  }

  /* the index of studies: choose by machine, model, engine, evidence or tag, and put into another order; the address keeps the choice */
  const choose = document.getElementById("choose");
  if (choose) {
    const items = all(".entries > li[data-machine]"), order = new Map(items.map((item, place) => [item, place])), selects = all("select", choose), count = choose.querySelector("[role=status]");
    const title = (item) => item.querySelector(".kicker").textContent;
    function narrow() {
      const filters = selects.filter(({ name, value }) => value && name !== "sort"), by = choose.querySelector("[name=sort]").value;
      for (const item of items) item.hidden = filters.some(({ name, value }) => !JSON.parse(item.dataset[name]).includes(value));
      if (filters.length) all("details.more").forEach((group) => { group.open = Boolean(group.querySelector("li:not([hidden])")); });
      const compare = { name: (a, b) => title(a).localeCompare(title(b), "en"), runs: (a, b) => b.dataset.runs - a.dataset.runs };
      for (const list of all(".studies")) list.append(...all(":scope > li", list).sort(compare[by] || ((a, b) => order.get(a) - order.get(b))));
      const left = items.filter((item) => !item.hidden).length;
      count.textContent = left === items.length ? "" : `${left} of ${items.length} studies`;
    }
    function recall() {
      if (!location.hash.startsWith("#choose?")) return;
      const kept = new URLSearchParams(location.hash.slice(8));
      for (const select of selects) {
        const value = kept.get(select.name) || "";
        select.value = [...select.options].some((option) => option.value === value) ? value : "";
      }
      choices.open ||= selects.some(({ value }) => value);
      narrow();
    }
    /* on a phone the choices would fill the first screen, so they are folded until one is made */
    const choices = choose.querySelector("details"), wide = matchMedia("(min-width: 48rem)"), unfold = () => { choices.open ||= wide.matches; };
    wide.addEventListener("change", unfold);
    unfold();
    choose.hidden = false;
    choose.addEventListener("change", () => {
      const parts = selects.filter(({ value }) => value).map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
      history.replaceState(null, "", `#choose${parts.length ? "?" : ""}${parts.join("&")}`);
      narrow();
    });
    window.addEventListener("hashchange", recall);
    recall();
  }
})();
