/* greenreport: what helps to share and to find. Without this file the code to embed a figure can still be copied by hand. */
(function () {
  "use strict";

  /* the code that shows a figure elsewhere: complete its address where the page knows its own, and copy it */
  var served = location.protocol === "http:" || location.protocol === "https:";
  document.querySelectorAll(".gr-code").forEach(function (box) {
    var area = box.querySelector("textarea"), button = box.querySelector("button[data-copy]"), hint = box.querySelector("p.soft");
    var path = area.getAttribute("data-embed");
    if (path && served) {
      var address = new URL(path, location.href).href.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
      area.value = area.value.replace(/src="[^"]*"/, function () { return 'src="' + address + '"'; });
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
})();
