/* greenreport: the reader's choice of light or dark, made known before anything is drawn, so that no page flashes. */
(function () {
  "use strict";
  var saved = null;
  try { saved = localStorage.getItem("greenreport-theme"); } catch (e) { /* private mode: the choice of the system */ }
  if (saved === "light" || saved === "dark") document.documentElement.setAttribute("data-theme", saved);
})();
