// Light and dark: as the system, or as chosen, which the browser remembers.

const KEY = "mrs-keras-theme";

export function followTheme(app) {
  const choice = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    if (choice.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice.value;
    app.tell("theme");
  };
  try { choice.value = localStorage.getItem(KEY) ?? "auto"; } catch { /* storage is off */ }
  if (!choice.value) choice.value = "auto";
  choice.addEventListener("change", () => {
    try { localStorage.setItem(KEY, choice.value); } catch { /* storage is off */ }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
