/* greenreport: what helps to share and to find. Without this file the code to embed a figure can still be copied by hand. */
(function () {
  "use strict";

  /* the code that shows a figure elsewhere: a figure or the badge of a study: complete its address where the page knows its own, and copy it */
  var served = location.protocol === "http:" || location.protocol === "https:";
  document.querySelectorAll(".gr-code").forEach(function (box) {
    var area = box.querySelector("textarea"), button = box.querySelector("button[data-copy]"), hint = box.querySelector("p.soft");
    var path = area.getAttribute("data-embed");
    if (path && served) {
      var address = new URL(path, location.href).href.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
      area.value = area.value.replace(/src="[^"]*"/, function () { return 'src="' + address + '"'; });
      if (hint) hint.hidden = true;
    }
    var place = area.getAttribute("data-place");
    if (place && served) {
      area.value = area.value.split(area.getAttribute("data-root")).join(new URL(place, location.href).href);
      if (hint) hint.hidden = true;
    }
    area.addEventListener("focus", function () { area.select(); });
    button.hidden = false;
    button.addEventListener("click", function () {
      function say(text) { button.textContent = text; setTimeout(function () { button.textContent = "Copy"; }, 1600); }
      function byHand() { area.focus(); area.select(); say("Selected: copy it with your keyboard"); }
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(area.value).then(function () { say("Copied"); }, byHand);
      } else { byHand(); }
    });
  });

  /* the search box: its index is a script, loaded when somebody begins to search, since no page may fetch anything */
  var MOST = 12;
  function fold(text) { return text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, ""); }
  function rank(entry, words) {
    var total = 0;
    for (var i = 0; i < words.length; i += 1) {
      if (entry.all.indexOf(words[i]) < 0) return -1;
      var at = entry.name.indexOf(words[i]);
      total += at === 0 ? 0 : at > 0 && /[^a-z0-9]/.test(entry.name[at - 1]) ? 1 : at > 0 ? 2 : 3;
    }
    return total;
  }
  function look(entries, text) {
    var words = fold(text).split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return entries
      .map(function (entry, order) { return { entry: entry, order: order, rank: rank(entry, words) }; })
      .filter(function (item) { return item.rank >= 0; })
      .sort(function (a, b) { return a.rank - b.rank || a.order - b.order; })
      .map(function (item) { return item.entry; });
  }
  document.querySelectorAll(".search").forEach(function (box) {
    var input = box.querySelector("input"), list = box.querySelector("ul"), said = box.querySelector("[role=status]");
    var entries = null, asked = false;
    function load() {
      if (asked) return;
      asked = true;
      var script = document.createElement("script");
      script.src = box.getAttribute("data-index");
      script.onload = function () {
        entries = window.greenreportSearch.map(function (e) {
          return { title: e.title, kind: e.kind, where: e.where, address: e.address, name: fold(e.title), all: fold([e.title, e.kind, e.where, e.words].join(" ")) };
        });
        show();
      };
      document.head.appendChild(script);
    }
    function links() { return Array.prototype.slice.call(list.querySelectorAll("a")); }
    function close() { list.hidden = true; list.replaceChildren(); said.textContent = ""; }
    function row(entry) {
      var item = document.createElement("li"), link = document.createElement("a"), note = document.createElement("small");
      link.href = box.getAttribute("data-root") + entry.address;
      link.textContent = entry.title;
      note.textContent = entry.kind + (entry.where ? " \u00b7 " + (entry.where.length > 110 ? entry.where.slice(0, 109) + "\u2026" : entry.where) : "");
      link.appendChild(note);
      item.appendChild(link);
      return item;
    }
    function show() {
      if (!entries) return;
      if (!input.value.trim()) { close(); return; }
      var found = look(entries, input.value);
      list.replaceChildren.apply(list, found.slice(0, MOST).map(row));
      if (!found.length) {
        var none = document.createElement("li");
        none.textContent = "Nothing found";
        list.appendChild(none);
      }
      list.hidden = false;
      said.textContent = found.length ? found.length + " found" + (found.length > MOST ? ", the first " + MOST + " are listed" : "") : "Nothing found";
    }
    box.hidden = false;
    input.addEventListener("focus", load);
    input.addEventListener("input", function () { load(); show(); });
    box.addEventListener("keydown", function (event) {
      var all = links(), at = all.indexOf(document.activeElement);
      if (event.key === "Escape" && !list.hidden) { close(); input.focus(); event.preventDefault(); }
      else if (event.key === "ArrowDown" && all.length) { all[Math.min(at + 1, all.length - 1)].focus(); event.preventDefault(); }
      else if (event.key === "ArrowUp" && at >= 0) { (at ? all[at - 1] : input).focus(); event.preventDefault(); }
      else if (event.key === "Enter" && document.activeElement === input && all.length) { all[0].click(); }
    });
    box.addEventListener("focusout", function (event) { if (!box.contains(event.relatedTarget)) list.hidden = true; });
    box.addEventListener("focusin", function () { if (list.children.length) list.hidden = false; });
  });

  /* the index of studies: choose by machine, model or tag; the address keeps the choice */
  var choose = document.getElementById("choose");
  if (choose) {
    var items = Array.prototype.slice.call(document.querySelectorAll(".entries > li[data-machine]"));
    var selects = Array.prototype.slice.call(choose.querySelectorAll("select")), count = choose.querySelector("[role=status]");
    var narrow = function () {
      var left = items.filter(function (item) {
        item.hidden = !selects.every(function (select) {
          return !select.value || JSON.parse(item.getAttribute("data-" + select.name)).indexOf(select.value) >= 0;
        });
        return !item.hidden;
      }).length;
      count.textContent = left === items.length ? "" : left + " of " + items.length + " studies";
    };
    var keep = function () {
      var parts = selects.filter(function (select) { return select.value; }).map(function (select) {
        return encodeURIComponent(select.name) + "=" + encodeURIComponent(select.value);
      });
      history.replaceState(null, "", "#choose" + (parts.length ? "?" + parts.join("&") : ""));
      narrow();
    };
    var recall = function () {
      if (location.hash.indexOf("#choose?") !== 0) return;
      var kept = new URLSearchParams(location.hash.slice(8));
      selects.forEach(function (select) {
        var value = kept.get(select.name) || "";
        select.value = Array.prototype.some.call(select.options, function (option) { return option.value === value; }) ? value : "";
      });
      narrow();
    };
    choose.hidden = false;
    choose.addEventListener("change", keep);
    window.addEventListener("hashchange", recall);
    recall();
  }
})();
