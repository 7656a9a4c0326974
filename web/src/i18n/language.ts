// i18n/language.ts: the language of the console, and texts in it.
//
//   const t = texts({
//     en: {title: "Jobs", chosen: (n: number) => plural(n, {one: "1 job", other: "{n} jobs"})},
//     zh: {title: "任务", chosen: (n: number) => `${n} 个任务`},
//   });
//   <h1>{t.title}</h1> {t.chosen(3)}
//
// A module keeps its texts beside its code. A key that one language lacks, or has in another shape, does not compile.
// Reading a text while rendering makes the component follow the language. `?pseudo` in the address (or the palette)
// shows every text longer and in brackets: what is not in brackets is not translated, what is clipped will be in German.
import {signal} from "@preact/signals";
import {stored} from "../app/stored.ts";

export type Language = "en" | "zh";
export const language = stored<Language>("language", document.documentElement.lang.startsWith("zh") ? "zh" : "en");
export const pseudo = signal(new URLSearchParams(location.search).has("pseudo"));
/** For Intl. */
export const locale = () => (language.value === "zh" ? "zh-CN" : "en-GB");

type Text = string | ((...values: never[]) => string);
type Same<T> = {[K in keyof T]: T[K] extends (...values: infer A) => string ? (...values: A) => string : string};

const kAccents: Record<string, string> = {a: "á", e: "é", i: "î", o: "ö", u: "ü", A: "Å", E: "É", I: "Î", O: "Ö", U: "Ü", c: "ç", n: "ñ"};
export function pseudoText(text: string): string {
  const accented = text.replace(/[aeiouAEIOUcn]/g, (letter) => kAccents[letter] ?? letter);
  return `[${accented}${"~".repeat(Math.ceil(text.length * 0.35))}]`;
}

export function texts<T extends Record<string, Text>>(table: {en: T; zh: Same<T>}): Same<T> {
  const read = {};
  for (const key of Object.keys(table.en)) {
    Object.defineProperty(read, key, {
      get() {
        const text = table[language.value][key as keyof T] as Text;
        if (!pseudo.value) return text;
        return typeof text === "string" ? pseudoText(text) : (...values: never[]) => pseudoText(text(...values));
      },
    });
  }
  return read as Same<T>;
}

/** English plurals; Chinese has one form. `{n}` is the number, written as the language writes it. */
export function plural(n: number, forms: {one: string; other: string}): string {
  const form = new Intl.PluralRules("en").select(n) === "one" ? forms.one : forms.other;
  return form.replace("{n}", n.toLocaleString("en-GB"));
}
