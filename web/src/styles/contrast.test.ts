// The colours of tokens.css against WCAG 2.2 AA: text 4.5, marks and edges of controls 3, in both themes.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

const css = readFileSync(`${process.env.WEB_DIR}/src/styles/tokens.css`, "utf8");
function colours(theme: string): Map<string, string> {
  const block = new RegExp(`data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((match) => [match[1] as string, match[2] as string]));
}
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ["ground", "surface", "raised", "sunken", "hover", "chosen"];
const tones = ["good", "bad", "busy", "late", "odd", "quiet"];
for (const theme of ["light", "dark"]) {
  test(`${theme}: text is read on every ground`, () => {
    const of = colours(theme);
    const pairs: [string, string, number][] = [
      ...grounds.flatMap((ground): [string, string, number][] => [["text", ground, 4.5], ["dim", ground, 4.5], ["accent", ground, 4.5]]),
      ...tones.flatMap((tone): [string, string, number][] => [
        [tone, "surface", 4.5], [tone, "hover", 4.5], [tone, "ground", 4.5], [tone, `${tone}-soft`, 4.5], ["on-tone", tone, 3],
        ["text", `${tone}-soft`, 4.5],
      ]),
      ["on-accent", "accent", 4.5], ["on-accent", "accent-hover", 4.5], ["edge", "surface", 3], ["accent", "accent-soft", 4.5],
    ];
    for (const [a, b, least] of pairs) {
      const got = contrast(of.get(a) as string, of.get(b) as string);
      assert.ok(got >= least, `${a} on ${b}: ${got.toFixed(2)}, wanted ${least}`);
    }
  });
}
