// app/theme.ts: light, dark, or as the system has it. boot.ts has set it before the first paint.
import {effect} from "@preact/signals";
import {stored} from "./stored.ts";

export type Theme = "system" | "light" | "dark";
export const theme = stored<Theme>("theme", "system");
export const density = stored<"comfortable" | "compact">("density", "comfortable");

export function startTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const dark = theme.value === "dark" || (theme.value === "system" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  effect(apply);
  system.addEventListener("change", apply);
  effect(() => {
    document.documentElement.dataset.density = density.value;
  });
}
