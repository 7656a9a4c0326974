// pages/run/ansi.ts: a line of output as pieces of text with classes. What a terminal would obey is taken out or shown,
// never obeyed: only colour and style of SGR are kept (SEC-30), as fixed classes. Colours of 256 and of 24 bits go to the
// nearest of 16 that run.css has for each theme, so that all of them can be read on its ground.
//
//   const line = readLine("\x1b[31mred\x1b[0m", plain);   → {pieces: [{text: "red", look: {fg: "h0", …}}], end: plain}

export interface Look {
  fg: string;  // "", "h0" … "h11" a hue, "g0" … "g3" a grey from black to white
  bg: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
  odd: boolean;  // stands for a control character; of pieces only
}
export const plain: Look = {fg: "", bg: "", bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false, odd: false};

export interface Piece { text: string; look: Look }

/** The classes of a piece; "" for plain text. */
export function classesOf(look: Look): string {
  if (look === plain) return "";
  const fg = look.inverse ? look.bg || "inv" : look.fg, bg = look.inverse ? look.fg || "inv" : look.bg;
  return [fg && `f-${fg}`, bg && `b-${bg}`, look.bold && "t-bold", look.dim && "t-dim", look.italic && "t-italic", look.underline && "t-underline",
          look.strike && "t-strike", look.odd && "t-odd"].filter(Boolean).join(" ");
}

/** The nearest of the fixed colours: a grey where there is hardly any hue. */
export function nearest(r: number, g: number, b: number): string {
  const most = Math.max(r, g, b), least = Math.min(r, g, b), spread = most - least;
  if (spread < 40) return `g${most < 64 ? 0 : most < 128 ? 1 : most < 192 ? 2 : 3}`;
  const hue = most === r ? ((g - b) / spread + 6) % 6 : most === g ? (b - r) / spread + 2 : (r - g) / spread + 4;
  return `h${Math.round(hue * 2) % 12}`;
}
const kSixteen = ["g0", "h0", "h4", "h2", "h8", "h10", "h6", "g2", "g1", "h0", "h4", "h2", "h8", "h10", "h6", "g3"] as const;
function of256(n: number): string {
  if (n < 16) return kSixteen[n] as string;
  if (n >= 232) return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10);
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40), c = n - 16;
  return nearest(level(Math.floor(c / 36)), level(Math.floor(c / 6) % 6), level(c % 6));
}
const byte = (n: number | undefined): number => Math.min(255, Math.max(0, n ?? 0));

/** `parameters` of one SGR sequence, "38;5;208". */
function apply(look: Look, parameters: string): Look {
  const numbers = parameters.split(/[;:]/).map((text) => (text === "" ? 0 : Number(text)));
  const next = {...look};
  for (let i = 0; i < numbers.length; ++i) {
    const n = numbers[i] as number;
    if (n === 0) Object.assign(next, plain);
    else if (n === 1) next.bold = true;
    else if (n === 2) next.dim = true;
    else if (n === 3) next.italic = true;
    else if (n === 4 || n === 21) next.underline = true;
    else if (n === 7) next.inverse = true;
    else if (n === 9) next.strike = true;
    else if (n === 22) next.bold = next.dim = false;
    else if (n === 23) next.italic = false;
    else if (n === 24) next.underline = false;
    else if (n === 27) next.inverse = false;
    else if (n === 29) next.strike = false;
    else if (n >= 30 && n <= 37) next.fg = of256(n - 30);
    else if (n >= 40 && n <= 47) next.bg = of256(n - 40);
    else if (n >= 90 && n <= 97) next.fg = of256(n - 82);
    else if (n >= 100 && n <= 107) next.bg = of256(n - 92);
    else if (n === 39) next.fg = "";
    else if (n === 49) next.bg = "";
    else if (n === 38 || n === 48) {
      let colour = "";
      if (numbers[i + 1] === 5) {
        colour = of256(byte(numbers[i + 2]));
        i += 2;
      } else if (numbers[i + 1] === 2) {
        colour = nearest(byte(numbers[i + 2]), byte(numbers[i + 3]), byte(numbers[i + 4]));
        i += 4;
      }
      if (n === 38) next.fg = colour;
      else next.bg = colour;
    }
  }
  return (Object.keys(plain) as (keyof Look)[]).every((key) => next[key] === plain[key]) ? plain : next;
}

// A control sequence; a string sequence (titles, links) to its end; another escape; else a character to be made visible.
// eslint-disable-next-line no-control-regex
const kSpecial = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const kAnySpecial = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/u;

/** A character that cannot be seen, as one that can. */
function shown(character: string): string {
  const code = character.codePointAt(0) as number;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

export function readLine(text: string, start: Look): {pieces: Piece[]; end: Look} {
  if (!kAnySpecial.test(text)) return {pieces: text ? [{text, look: start}] : [], end: start};
  const pieces: Piece[] = [];
  let look = start, from = 0;
  const add = (piece: string, as: Look) => {
    if (!piece) return;
    const last = pieces.at(-1);
    if (last && last.look === as) last.text += piece;
    else pieces.push({text: piece, look: as});
  };
  for (const found of text.matchAll(kSpecial)) {
    add(text.slice(from, found.index), look);
    from = (found.index as number) + found[0].length;
    if (found[2] === "m" && /^[\d;:]*$/.test(found[1] as string)) look = apply(look, found[1] as string);
    else if (found[0].length <= 2 && !found[0].startsWith("\x1b")) add(shown(found[0]), {...look, odd: true});
  }
  add(text.slice(from), look);
  return {pieces, end: look};
}

/** As it is searched, copied and measured: without sequences. */
export const plainText = (text: string): string => (kAnySpecial.test(text) ? readLine(text, plain).pieces.map((piece) => piece.text).join("") : text);

/** How many cells of a terminal it takes: wide characters take two. */
export function cellsOf(character: number): number {
  if (character < 0x300) return 1;
  if (character >= 0x300 && character <= 0x36f || character === 0x200c || character === 0x200d || character >= 0xfe00 && character <= 0xfe0f) return 0;
  const wide = character >= 0x1100 && (character <= 0x115f || character >= 0x2e80 && character <= 0xa4cf && character !== 0x303f || character >= 0xac00 && character <= 0xd7a3 ||
    character >= 0xf900 && character <= 0xfaff || character >= 0xfe30 && character <= 0xfe6f || character >= 0xff00 && character <= 0xff60 || character >= 0xffe0 && character <= 0xffe6 ||
    character >= 0x1f300 && character <= 0x1faff || character >= 0x20000 && character <= 0x3fffd);
  return wide ? 2 : 1;
}
/** Where a text breaks into rows of `width` cells: the index at which each row begins. */
export function breaks(text: string, width: number): number[] {
  const at = [0];
  // eslint-disable-next-line no-control-regex
  if (/^[\x20-\x7e]*$/.test(text)) {
    for (let i = width; i < text.length; i += width) at.push(i);
    return at;
  }
  let cells = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i) as number, takes = code === 9 ? 8 - (cells % 8) : cellsOf(code);
    if (cells + takes > width && cells > 0) {
      at.push(i);
      cells = 0;
    }
    cells += takes;
    i += code > 0xffff ? 2 : 1;
  }
  return at;
}
