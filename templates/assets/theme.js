/* greenreport: the reader's choice of light or dark, made known before anything is drawn, so that no page flashes. */
try {
  const saved = localStorage.getItem("greenreport-theme");
  if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved;
} catch (e) { /* private mode: the choice of the system */ }
