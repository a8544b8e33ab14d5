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

  /* a link to a derivation opens it */
  function openTarget() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) { var inner = target.querySelector("details"); if (inner && target.classList.contains("derivation")) inner.open = true; }
  }
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
