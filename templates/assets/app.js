/* greenreport: small conveniences. Without this file the pages lose nothing but interaction. */
(function () {
  "use strict";
  var root = document.documentElement;

  /* theme: system, or the choice that theme.js took over; colours in drawings are variables and follow by themselves */
  function isDark() {
    var chosen = root.getAttribute("data-theme");
    return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
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
    });
  }

  /* what the reader chose on this page stands in the address behind "?": it can be shared and is there again after going back */
  var chosen = recalled();
  var followers = []; /* what fills itself from the choice when a link changes it on the open page */
  function recalled() {
    var found = Object.create(null);
    location.hash.split("?").slice(1).join("?").split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at > 0) found[part.slice(0, at)] = part.slice(at + 1).split(",").map(decoded);
    });
    return found;
  }
  function decoded(text) { try { return decodeURIComponent(text); } catch (e) { return text; } }
  /* what a field for numbers takes; of anything else nothing */
  function numeral(text) { return text.trim() && isFinite(text) ? String(Number(text)) : ""; }
  function isChosen(name, word) { return (chosen[name] || []).indexOf(word) >= 0; }
  function toggled(name, word) {
    var words = chosen[name] || [];
    return isChosen(name, word) ? words.filter(function (w) { return w !== word; }) : words.concat(word);
  }
  function withChoice(anchor) {
    var parts = Object.keys(chosen).sort().filter(function (name) { return chosen[name].length; });
    parts = parts.map(function (name) { return name + "=" + chosen[name].map(encodeURIComponent).join(","); });
    return "#" + anchor + (parts.length ? "?" + parts.join("&") : "");
  }
  function keepChoice(anchor) { history.replaceState(null, "", withChoice(anchor)); }

  /* interactive charts take the place of the static drawing when they come into view */
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
      if (width < 480) spec.config.legend.columns = 1;
      var inner = hint.plot === "spec.width" ? spec.spec : spec;
      inner.width = Math.round(Math.max(hint.narrowest, Math.min(width - chrome, hint.widest)));
    }
    return spec;
  }
  /* engines that are hidden lose their rows; axes stay, so that nothing jumps */
  function without(spec, groups) {
    var gone = Object.create(null);
    groups.forEach(function (group) { if (isChosen("hide", group.id)) group.of.forEach(function (name) { gone[name] = true; }); });
    Object.keys(spec.datasets).forEach(function (name) {
      spec.datasets[name] = spec.datasets[name].filter(function (row) { return !gone[row.configuration] && !gone[row.other]; });
    });
  }
  /* the other kind of axis was prepared when the site was built */
  function rescaled(node, x) {
    var encoding = node.encoding;
    if (encoding && encoding.x && encoding.x.type === "quantitative") Object.assign(encoding.x, x);
    (node.layer || []).concat(node.spec || []).forEach(function (child) { rescaled(child, x); });
  }
  function named(figure) { return figure.id.slice(4); }
  function hintOf(figure) {
    if (!figure.grHint) {
      var script = figure.querySelector("script.gr-spec"), spec = script ? JSON.parse(script.textContent) : {};
      figure.grHint = spec.usermeta && spec.usermeta.greenreport || {};
      figure.grHint.moves = (spec.params || []).some(function (param) { return param.bind === "scales"; });
    }
    return figure.grHint;
  }
  function adapted(figure, spec) {
    var hint = hintOf(figure);
    if (hint.groups) without(spec, hint.groups);
    if (hint["switch"] && isChosen(hint["switch"].to, named(figure))) rescaled(spec, JSON.parse(JSON.stringify(hint["switch"].x)));
    return spec;
  }
  function allHidden(groups) { return groups && groups.every(function (group) { return isChosen("hide", group.id); }); }
  function tools(figure) {
    var hint = hintOf(figure), groups = hint.groups || [], other = hint["switch"];
    if (figure.querySelector(".gr-tools") || (!groups.length && !other && !hint.moves)) return;
    var bar = document.createElement("div");
    bar.className = "gr-tools";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "What this figure shows");
    function button(text, name, word, act) {
      var made = element("button", "", bar);
      made.type = "button";
      made.setAttribute("data-name", name);
      made.setAttribute("data-word", word);
      made.addEventListener("click", function () { act(); keepChoice(figure.id); applyChoice(); });
      element("span", text, made);
      return made;
    }
    groups.forEach(function (group) {
      var made = button(group.name, "hide", group.id, function () {
        chosen.hide = toggled("hide", group.id);
        if (allHidden(groups)) groups.forEach(function (each) { chosen.hide = toggled("hide", each.id); });
      });
      var chip = document.createElement("span");
      chip.className = "chip " + group.hue;
      made.prepend(chip);
    });
    if (other) button(other.to === "window" ? "Measured window only" : "Logarithmic axis", other.to, named(figure), function () { chosen[other.to] = toggled(other.to, named(figure)); });
    if (hint.moves) element("small", "Drag to move along the axis, Shift and the wheel to zoom, double click for all of it.", bar).className = "soft";
    figure.insertBefore(bar, figure.querySelector(".gr-vis"));
    pressed(figure);
  }
  function pressed(figure) {
    figure.querySelectorAll(".gr-tools button").forEach(function (button) {
      var name = button.getAttribute("data-name"), on = isChosen(name, button.getAttribute("data-word"));
      button.setAttribute("aria-pressed", String(name === "log" || name === "window" ? on : !on));
    });
  }
  function applyChoice() {
    document.querySelectorAll(".gr-choice").forEach(showChosen);
    figures.forEach(pressed);
    redraw();
  }
  function showChosen(box) {
    var inside = Array.prototype.slice.call(box.querySelectorAll("figure.gr-fig"));
    var wanted = (chosen[box.getAttribute("data-param")] || [])[0];
    var shown = inside.filter(function (f) { return named(f) === wanted; })[0] || inside[0];
    inside.forEach(function (f) { f.hidden = f !== shown; });
    box.querySelectorAll("input").forEach(function (input) { input.checked = input.value === named(shown); });
  }
  /* of figures that show the same in several metrics, one at a time */
  function choice(box) {
    var inside = Array.prototype.slice.call(box.querySelectorAll("figure.gr-fig")), param = box.getAttribute("data-param");
    var names = JSON.parse(box.getAttribute("data-names"));
    if (inside.length < 2) return;
    var set = document.createElement("fieldset");
    set.className = "gr-tools";
    element("legend", box.getAttribute("data-label"), set);
    inside.forEach(function (figure, index) {
      var label = element("label", "", set), input = element("input", "", label);
      input.type = "radio";
      input.name = param;
      input.value = named(figure);
      element("span", names[index], label);
      input.addEventListener("change", function () {
        chosen[param] = index ? [named(figure)] : [];
        keepChoice(figure.id);
        applyChoice();
      });
    });
    box.prepend(set);
    showChosen(box);
  }
  function draw(figure) {
    var holder = figure.querySelector(".gr-vis");
    var script = figure.querySelector("script.gr-spec");
    if (!holder || !script || !window.vegaEmbed || figure.hidden) return;
    var turn = figure.grTurn = (figure.grTurn || 0) + 1;
    if (allHidden(hintOf(figure).groups)) {
      holder.replaceChildren(element("p", "Everything this figure shows is hidden."));
      figure.setAttribute("data-live", "true");
      return;
    }
    var spec = fitted(adapted(figure, JSON.parse(script.textContent)), holder.clientWidth);
    var place = document.createElement("div");
    window.vegaEmbed(place, spec, {
      renderer: "svg", ast: true, defaultStyle: false, actions: false, mode: "vega-lite",
      tooltip: { disableDefaultStyle: true, sanitize: escaped }
    }).then(function () {
      if (turn !== figure.grTurn) return; /* a later choice was faster */
      /* a layer without a mark would be read out as a picture without a name */
      place.querySelectorAll("[role=graphics-symbol]:not([aria-label])").forEach(function (layer) { layer.setAttribute("aria-hidden", "true"); });
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
    document.querySelectorAll(".gr-choice").forEach(choice);
    figures.forEach(tools);
    if ("IntersectionObserver" in window) {
      var seen = new IntersectionObserver(function (entries) {
        entries.forEach(function (entry) {
          if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
        });
      }, { rootMargin: "200px" });
      figures.forEach(function (f) { seen.observe(f); });
    } else { figures.forEach(draw); }
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameToggle);

  /* on paper everything is open; afterwards only what was before */
  var unfolded = [];
  window.addEventListener("beforeprint", function () {
    unfolded = unfolded.concat(Array.prototype.slice.call(document.querySelectorAll("main details:not([open])")));
    unfolded.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    unfolded.forEach(function (details) { details.open = false; });
    unfolded = [];
  });

  /* permalink of a figure */
  document.querySelectorAll("button[data-link]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var address = location.href.split("#")[0] + withChoice(button.getAttribute("data-link"));
      keepChoice(button.getAttribute("data-link"));
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
    var data = JSON.parse(helper.querySelector(".helper-data").textContent), base = helper.getAttribute("data-root");
    var fields = Array.prototype.slice.call(helper.querySelectorAll("select, input"));
    var verdict = helper.querySelector(".verdict");
    /* name of the limit, medians it is compared with, factor to its unit, whether it is an upper one */
    var LIMITS = [["latency", ["latency"], 1e3, true], ["energy", ["energy"], 1, true], ["throughput", ["throughput"], 1, false]];
    function asked() {
      var found = {};
      fields.forEach(function (field) { if (field.value !== "") found[field.name] = field.value; });
      return found;
    }
    /* memory is that of the server and, with a GPU, that of the GPU too: each has to fit */
    function limits(cell) { return LIMITS.concat([["memory", cell.gpu ? ["memory", "gpu_memory"] : ["memory"], 1e-9, true]]); }
    function fits(cell, wish) {
      if (wish.gpu === "no" && cell.gpu) return false;
      return limits(cell).every(function (limit) {
        return wish[limit[0]] === undefined || limit[1].every(function (name) {
          if (!cell[name]) return false; /* what was not measured keeps to no limit */
          var value = cell[name][0] * limit[2];
          return limit[3] ? value <= Number(wish[limit[0]]) : value >= Number(wish[limit[0]]);
        });
      });
    }
    function sized(model, wish) {
      if (wish.larger === undefined && wish.smaller === undefined) return true;
      if (model.parameters === null) return false;
      var millions = model.parameters / 1e6;
      return (wish.larger === undefined || millions >= Number(wish.larger)) && (wish.smaller === undefined || millions <= Number(wish.smaller));
    }
    function linked(text, address, line) {
      var link = element("a", text, line);
      link.href = base + address;
      return link;
    }
    function claimed(claim, line) {
      linked(claim.text, claim.page, line).className = "claim";
      element("span", claim.against + " (" + claim.interval + ")", line);
    }
    /* what the choice saves against the reference; of the reference itself, what the next best would cost */
    function compared(best, left, line) {
      var next = left.filter(function (c) { return c.claim; })[0];
      if (best.claim) {
        element("span", ": ", line);
        claimed(best.claim, line);
      } else if (best.reference && next) {
        element("span", ". It is the reference; " + next.label + " uses ", line);
        claimed(next.claim, line);
      } else if (best.reference) element("span", ". It is the reference", line);
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
      linked(best.label, best.page, line);
      element("span", " uses the least energy" + (best.estimated ? " (estimated)" : "") + ", " + estimate(best.energy, 1e3, "J") + " for 1,000 requests", line);
      compared(best, left, line);
      var text = "";
      if (best.latency) text += "; 95th-percentile latency " + estimate(best.latency, 1, "s");
      if (best.memory) text += "; server memory " + estimate(best.memory, 1, "B");
      if (best.gpu_memory) text += "; GPU memory " + estimate(best.gpu_memory, 1, "B");
      text += ". Medians over " + best.runs + " runs; " + left.length + " of " + all.length + " configurations stay within the limits.";
      element("span", text, line);
      if (ties.length) element("span", " Statistically tied with it in energy: " + ties.map(function (c) { return c.label; }).join(", ") + ".", line);
      else if (left.length > 1 && best.tie.length) element("span", " None of the others is statistically tied with it in energy.", line);
    }
    function answer() {
      var wish = asked();
      var models = data.models.filter(function (model) { return (!wish.model || wish.model === model.id) && sized(model, wish); });
      verdict.replaceChildren();
      models.forEach(function (model) { tell(model, wish); });
      if (!models.length) element("p", "No model of this study has such a size.", verdict);
    }
    function fill() {
      fields.forEach(function (field) {
        var wanted = (chosen[field.name] || [""])[0];
        field.value = field.type === "number" ? numeral(wanted) : wanted;
        if (field.tagName === "SELECT" && field.selectedIndex < 0) field.selectedIndex = 0;
      });
      answer();
    }
    fields.forEach(function (field) {
      field.addEventListener("input", function () {
        chosen[field.name] = field.value === "" ? [] : [field.value];
        keepChoice("helper");
        answer();
      });
    });
    followers.push(fill);
    helper.hidden = false;
    fill();
  })();

  /* carbon, water and cost with the reader's factors: the same product as in the published table */
  function digits(value) {
    var rounded = Number(value.toPrecision(3));
    var places = rounded ? 2 - Number(rounded.toExponential().split("e")[1]) : 0;
    places = Math.min(20, Math.max(0, places));
    return rounded.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  }
  function quantity(value, unit, prefixed) {
    var steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"]];
    if (!prefixed || !value) return digits(value) + "\u202f" + unit;
    var step = steps.filter(function (s) { return value >= s[0] * 0.9995; })[0] || steps[6];
    return digits(value / step[0]) + "\u202f" + step[1] + unit;
  }
  var factors = document.getElementById("factors");
  if (factors) (function () {
    var data = JSON.parse(factors.querySelector(".factors-data").textContent);
    var inputs = Array.prototype.slice.call(factors.querySelectorAll("input"));
    var tables = factors.querySelectorAll("table.yours"), told = factors.querySelector(".told");
    var ENDS = ["low", "central", "high"];
    function end(input) { return ENDS.indexOf(input.getAttribute("data-end")); }
    function fill() {
      inputs.forEach(function (input) {
        var words = chosen[input.name] || [];
        input.value = words.length === 3 ? numeral(words[end(input)]) : String(data.factors[input.name][end(input)]);
      });
    }
    function read() {
      var found = {};
      inputs.forEach(function (input) {
        var value = input.value === "" ? NaN : Number(input.value);
        (found[input.name] = found[input.name] || [])[end(input)] = value >= Number(input.min) ? value : NaN;
      });
      return found;
    }
    function ordered(range) { return range[0] <= range[1] && range[1] <= range[2]; }
    function amount(kwh, range, pue, kind) {
      var middle = pue[1] * range[1];
      var all = [kwh[0] * middle, kwh[1] * pue[0] * range[0], kwh[2] * pue[2] * range[2]];
      all = all.map(function (value) { return quantity(value, kind.unit, kind.prefixed); });
      return [all[0], "[" + all[1] + ", " + all[2] + "]"];
    }
    function answer() {
      var now = read(), pue = now.pue || [1, 1, 1];
      var bad = Object.keys(now).filter(function (name) { return !ordered(now[name]); });
      var same = Object.keys(now).every(function (name) { return String(now[name]) === String(data.factors[name]); });
      inputs.forEach(function (input) {
        if (bad.indexOf(input.name) >= 0) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
      });
      told.textContent = bad.length ? "Give numbers with low \u2264 central \u2264 high; a power usage effectiveness is at least 1."
        : same ? "These are the declared factors." : "Derived with your factors, not with those of the study.";
      data.tables.forEach(function (rows, index) {
        var lines = tables[index].tBodies[0].rows;
        rows.forEach(function (kwh, line) {
          data.kinds.forEach(function (kind, column) {
            var words = bad.length ? ["\u2013", ""] : amount(kwh, now[kind.id], pue, kind), cell = lines[line].cells[column + 2];
            cell.firstChild.data = words[0];
            cell.lastChild.textContent = words[1];
          });
        });
      });
    }
    function changed() {
      var now = read();
      Object.keys(now).forEach(function (name) {
        chosen[name] = String(now[name]) === String(data.factors[name]) ? [] : now[name].map(function (v) { return isNaN(v) ? "" : String(v); });
      });
      keepChoice("factors");
      answer();
    }
    var form = factors.querySelector("form");
    form.addEventListener("input", changed);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function (event) {
      event.preventDefault();
      Object.keys(data.factors).forEach(function (name) { chosen[name] = []; });
      fill();
      keepChoice("factors");
      answer();
    });
    followers.push(function () { fill(); answer(); });
    factors.hidden = false;
    fill();
    answer();
  })();

  /* a link to a derivation opens it, a link to a figure shows it, a shared choice is taken over */
  function openTarget() {
    var name = decoded(location.hash.slice(1).split("?")[0]), target = name && document.getElementById(name);
    for (var node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (!target) return;
    var inner = target.querySelector("details");
    if (inner && target.classList.contains("derivation")) inner.open = true;
    var box = target.closest(".gr-choice");
    if (box && target.hidden) { chosen[box.getAttribute("data-param")] = [named(target)]; applyChoice(); }
    if (box || location.hash.indexOf("?") >= 0) target.scrollIntoView();
  }
  window.addEventListener("hashchange", function () {
    if (location.hash.indexOf("?") >= 0) {
      chosen = recalled();
      applyChoice();
      followers.forEach(function (follow) { follow(); });
    }
    openTarget();
  });
  openTarget();
})();
