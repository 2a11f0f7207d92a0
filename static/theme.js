// Sets the theme before the first paint: this is a plain script, so the page is never drawn in the wrong one.
(() => {
  const saved = localStorage.getItem("theme");
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  document.documentElement.dataset.theme = saved ?? system;
})();
