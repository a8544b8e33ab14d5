/* greenreport: small conveniences. Without this file the pages lose nothing but interaction. */
(function () {
  "use strict";
  var root = document.documentElement;

  /* theme: system, or the reader's choice */
  function stored() { try { return localStorage.getItem("greenreport-theme"); } catch (e) { return null; } }
  function isDark() {
    var chosen = root.getAttribute("data-theme");
    return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  var saved = stored();
  if (saved) root.setAttribute("data-theme", saved);
  var toggle = document.getElementById("theme");
  function nameToggle() { if (toggle) toggle.textContent = isDark() ? "Light" : "Dark"; }
  if (toggle) {
    toggle.hidden = false;
    nameToggle();
    toggle.addEventListener("click", function () {
      var next = isDark() ? "light" : "dark";
      root.setAttribute("data-theme", next);
      try { localStorage.setItem("greenreport-theme", next); } catch (e) { /* private mode: the choice lasts for this page */ }
      nameToggle();
      redraw();
    });
  }

  /* interactive charts take the place of the static drawing when they come into view */
  function css(name) { return getComputedStyle(root).getPropertyValue(name).trim(); }
  function themed(spec) {
    var text = JSON.stringify(spec).replace(/"currentColor"/g, JSON.stringify(css("--ink")));
    text = text.replace(/"var\((--[a-z]+)\)"/g, function (_, name) { return JSON.stringify(css(name)); });
    return JSON.parse(text);
  }
  /* on a phone the labels of configurations take two lines: engine over provider */
  function stacked(node) {
    var found = false, y = node.encoding && node.encoding.y;
    if (y && (y.field === "label" || y.field === "row")) {
      y.axis = Object.assign({}, y.axis, { labelExpr: "split(datum.value, '\u00a0·\u00a0')", labelOffset: -6 });
      found = true;
    }
    (node.layer || []).concat(node.spec || []).forEach(function (child) { found = stacked(child) || found; });
    return found;
  }
  /* the specification says where its plot's width stands and how many pixels its labels need beside it */
  function fitted(spec, width) {
    var hint = spec.usermeta && spec.usermeta.greenreport;
    if (hint && width > 0) {
      var chrome = hint.chrome;
      if (width < 480) chrome -= stacked(spec) ? 60 : 0;
      var inner = hint.plot === "spec.width" ? spec.spec : spec;
      inner.width = Math.round(Math.max(hint.narrowest, Math.min(width - chrome, hint.widest)));
    }
    return spec;
  }
  function draw(figure) {
    var holder = figure.querySelector(".gr-vis");
    var script = figure.querySelector("script.gr-spec");
    if (!holder || !script || !window.vegaEmbed) return;
    var spec = fitted(themed(JSON.parse(script.textContent)), holder.clientWidth);
    var place = document.createElement("div");
    window.vegaEmbed(place, spec, {
      renderer: "svg", ast: true, defaultStyle: false, actions: false, mode: "vega-lite",
      tooltip: { disableDefaultStyle: true, sanitize: escaped }
    }).then(function () {
      var svg = place.querySelector("svg");
      holder.replaceChildren(place);
      holder.classList.add("live");
      figure.setAttribute("data-live", "true");
    }).catch(function (error) { figure.setAttribute("data-live", "failed"); console.error(error); });
  }
  function escaped(value) {
    return String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  }
  var figures = Array.prototype.slice.call(document.querySelectorAll("figure.gr-fig"));
  function redraw() { figures.forEach(function (f) { if (f.getAttribute("data-live") === "true") draw(f); }); }
  if (figures.length && window.vegaEmbed) {
    if ("IntersectionObserver" in window) {
      var seen = new IntersectionObserver(function (entries) {
        entries.forEach(function (entry) {
          if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
        });
      }, { rootMargin: "200px" });
      figures.forEach(function (f) { seen.observe(f); });
    } else { figures.forEach(draw); }
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { nameToggle(); redraw(); });
    window.addEventListener("beforeprint", function () { figures.forEach(function (f) { f.querySelectorAll("details").forEach(function (d) { d.open = true; }); }); });
  }

  /* permalink of a figure */
  document.querySelectorAll("button[data-link]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var address = location.href.split("#")[0] + "#" + button.getAttribute("data-link");
      history.replaceState(null, "", "#" + button.getAttribute("data-link"));
      var said = button.textContent;
      function done(text) { button.textContent = text; setTimeout(function () { button.textContent = said; }, 1600); }
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(address).then(function () { done("Link copied"); }, function () { done("Link is in the address bar"); });
      } else { done("Link is in the address bar"); }
    });
  });

  /* the decision helper: filter cells by limits, name the most frugal one that is left on each model */
  function prefixed(value, unit) {
    var steps = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"]];
    var step = steps.filter(function (s) { return Math.abs(value) >= s[0]; })[0] || steps[5];
    return Number((value / step[0]).toPrecision(3)).toLocaleString("en") + "\u202f" + step[1] + unit;
  }
  function estimate(triple, factor, unit) {
    var text = prefixed(triple[0] * factor, unit);
    return triple[1] === null ? text : text + " [" + prefixed(triple[1] * factor, unit) + ", " + prefixed(triple[2] * factor, unit) + "]";
  }
  function element(name, text, parent) {
    var made = document.createElement(name);
    if (text) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }
  var helper = document.getElementById("helper");
  if (helper) (function () {
    var data = JSON.parse(helper.querySelector(".helper-data").textContent);
    var fields = Array.prototype.slice.call(helper.querySelectorAll("select, input"));
    var verdict = helper.querySelector(".verdict");
    var LIMITS = [["latency", 1e3, true], ["energy", 1, true], ["memory", 1e-9, true], ["throughput", 1, false]];
    function asked() {
      var found = {};
      fields.forEach(function (field) { if (field.value !== "") found[field.name] = field.value; });
      return found;
    }
    function fits(cell, wish) {
      if (wish.gpu === "no" && cell.gpu) return false;
      return LIMITS.every(function (limit) {
        if (wish[limit[0]] === undefined) return true;
        if (!cell[limit[0]]) return false;
        var value = cell[limit[0]][0] * limit[1];
        return limit[2] ? value <= Number(wish[limit[0]]) : value >= Number(wish[limit[0]]);
      });
    }
    function tell(model, wish) {
      var all = data.cells.filter(function (c) { return c.model === model.id; });
      var left = all.filter(function (c) { return fits(c, wish); });
      var line = element("p", "", verdict);
      if (!left.length) { line.textContent = "On " + model.label + ": no configuration stays within these limits."; return; }
      left.sort(function (a, b) { return a.energy[0] - b.energy[0]; });
      var best = left[0];
      var ties = left.slice(1).filter(function (c) { return c.tie.some(function (t) { return best.tie.indexOf(t) >= 0; }); });
      element("span", "On " + model.label + ": ", line);
      var link = element("a", best.label, line);
      link.href = helper.getAttribute("data-root") + best.page;
      var text = " uses the least energy" + (best.estimated ? " (estimated)" : "") + ", " + estimate(best.energy, 1e3, "J") + " for 1,000 requests";
      if (best.latency) text += "; 95th-percentile latency " + estimate(best.latency, 1, "s");
      if (best.memory) text += "; server memory " + estimate(best.memory, 1, "B");
      text += " (" + best.runs + " runs; " + left.length + " of " + all.length + " configurations stay within the limits).";
      element("span", text, line);
      if (ties.length) element("span", " Statistically tied with it: " + ties.map(function (c) { return c.label; }).join(", ") + ".", line);
    }
    function answer() {
      var wish = asked();
      verdict.replaceChildren();
      data.models.forEach(function (model) { if (!wish.model || wish.model === model.id) tell(model, wish); });
    }
    function keep() {
      var parts = fields.filter(function (f) { return f.value !== ""; }).map(function (f) { return f.name + "=" + encodeURIComponent(f.value); });
      history.replaceState(null, "", "#helper" + (parts.length ? "?" + parts.join("&") : ""));
    }
    if (location.hash.indexOf("#helper?") === 0) {
      location.hash.slice(8).split("&").forEach(function (part) {
        var pair = part.split("=");
        fields.forEach(function (f) { if (f.name === pair[0]) f.value = decodeURIComponent(pair[1] || ""); });
      });
    }
    fields.forEach(function (field) { field.addEventListener("input", function () { answer(); keep(); }); });
    helper.hidden = false;
    answer();
  })();

  /* a link to a derivation opens it */
  function openTarget() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1).split("?")[0]));
    for (var node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) { var inner = target.querySelector("details"); if (inner && target.classList.contains("derivation")) inner.open = true; }
  }
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
