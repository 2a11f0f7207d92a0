// Runs before the first paint, so that a light page never flashes dark.
(() => {
  const saved = localStorage.getItem("theme");
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  document.documentElement.dataset.theme = saved ?? system;
})();
