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

  /* the index of studies: choose by machine, model or tag; the address keeps the choice */
  const choose = document.getElementById("choose");
  if (choose) {
    const items = all(".entries > li[data-machine]"), selects = all("select", choose), count = choose.querySelector("[role=status]");
    function narrow() {
      for (const item of items) item.hidden = selects.some(({ name, value }) => value && !JSON.parse(item.dataset[name]).includes(value));
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
      narrow();
    }
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
