// Before the first paint: the theme and the language of the page, so that neither flashes. Stands alone (no imports).
(() => {
  let theme = "system", language = "";
  try {
    theme = localStorage.getItem("cronfleet.theme") ?? "system";
    language = localStorage.getItem("cronfleet.language") ?? "";
  } catch {
    // storage may be forbidden; the defaults do
  }
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  if (!language) language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
})();
