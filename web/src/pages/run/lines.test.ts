import assert from "node:assert/strict";
import {test} from "node:test";
import {breaks, classesOf, nearest, plain, plainText, readLine} from "./ansi.ts";
import {findLines, lineAtRow, lineLink, Output, readLineLink} from "./lines.ts";

const shown = (text: string) => readLine(text, plain).pieces.map((piece) => `${classesOf(piece.look)}|${piece.text}`);

test("colours and styles become classes, everything else of a terminal goes", () => {
  const cases: [string, string, string[]][] = [
    ["plain", "hello", ["|hello"]],
    ["sixteen", "\x1b[31mred\x1b[0m ok", ["f-h0|red", "| ok"]],
    ["bright", "\x1b[92mgo", ["f-h4|go"]],
    ["256, of the cube", "\x1b[38;5;208mo", ["f-h1|o"]],
    ["256, grey", "\x1b[38;5;250mo", ["f-g2|o"]],
    ["true colour", "\x1b[38;2;0;120;255mb", ["f-h7|b"]],
    ["true colour with colons", "\x1b[48:2:255:0:0mb", ["b-h0|b"]],
    ["bold and underline", "\x1b[1;4mx", ["t-bold t-underline|x"]],
    ["inverse swaps", "\x1b[7;31mx", ["f-inv b-h0|x"]],
    ["ended by one sequence", "\x1b[1;31mx\x1b[mz", ["f-h0 t-bold|x", "|z"]],
    ["cursor and clearing", "a\x1b[2J\x1b[1;1Hb\x1b[?25lc", ["|abc"]],
    ["a link of OSC 8 leaves its text", "\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x07", ["|click"]],
    ["a title", "\x1b]0;owned\x07x", ["|x"]],
    ["a title without an end", "\x1b]0;owned", []],
    ["a bell", "a\x07b", ["|a", "t-odd|\u2407", "|b"]],
    ["bidi override", "a\u202eb", ["|a", "t-odd|U+202E", "|b"]],
    ["zero width", "a\u200bb", ["|a", "t-odd|U+200B", "|b"]],
    ["a tag character", "a\u{e0041}b", ["|a", "t-odd|U+E0041", "|b"]],
    ["markup is text", "<b>x</b>", ["|<b>x</b>"]],
    ["a lone escape", "a\x1b", ["|a"]],
    ["not an SGR", "\x1b[>4;1mx", ["|x"]],
  ];
  for (const [why, text, want] of cases) assert.deepEqual(shown(text), want, why);
});

test("the nearest colour", () => {
  assert.equal(nearest(255, 0, 0), "h0");
  assert.equal(nearest(255, 255, 0), "h2");
  assert.equal(nearest(0, 0, 255), "h8");
  assert.equal(nearest(255, 0, 20), "h0");
  assert.equal(nearest(10, 12, 14), "g0");
});

const chunk = (offset: number, text: string, stream: "stdout" | "stderr" = "stdout") => ({offset, stream, written_at: "2026-01-01T00:00:00.000Z", text});
const texts = (output: Output) => output.lines.map((line) => (line.stream === "gap" ? `gap ${line.gap}` : `${line.stream === "stderr" ? "!" : ""}${line.text}`));

test("chunks become lines", () => {
  const output = new Output();
  output.add(chunk(0, "one\ntw"));
  output.add(chunk(6, "bad\n", "stderr"));
  output.add(chunk(10, "o\n"));
  output.add(chunk(6, "bad\n", "stderr"));  // again after a reconnect
  output.add(chunk(12, "10%\r50%\r100%\r\n"));
  output.add(chunk(100, "tail"));
  assert.deepEqual(texts(output), ["one", "two", "!bad", "100%", "gap 74", "tail"]);
  assert.equal(output.next, 104);
  assert.equal(output.dropped, 74);
});

test("a line that writes over itself is what a terminal shows of it, also while it goes on", () => {
  const output = new Output(), shownLine = () => output.lines.map((line) => `${classesOf(line.start)}|${line.text}`);
  const pieces: [string, string][] = [["1 %", "|1 %"], ["\r2 %", "|2 %"], ["\r3 %\r", "|3 %"], ["\x1b[32m4 %", "|\x1b[32m4 %"], ["\r5 %", "f-h4|5 %"], ["\x1b[0m\r", "f-h4|5 %\x1b[0m"], ["\r\n", "f-h4|5 %\x1b[0m"]];
  let at = 0;
  for (const [text, want] of pieces) {
    output.add(chunk(at, text));
    at += text.length;
    assert.deepEqual(shownLine(), [want], JSON.stringify(text));
  }
  for (let i = 0; i < 20_000; ++i) {
    const text = `\r${i} of 20000`;
    output.add(chunk(at, text));
    at += text.length;
  }
  assert.deepEqual(shownLine().slice(1), ["|19999 of 20000"]);
});

test("a character split between chunks stays one, and a colour goes on over lines", () => {
  const output = new Output();
  output.add({offset: 0, stream: "stdout", written_at: "", base64: "5Lg="});  // the first two bytes of 三
  output.add({offset: 2, stream: "stdout", written_at: "", base64: "iQo="});
  output.add(chunk(4, "\x1b[32mgreen\nstill\x1b[0m\nplain\n"));
  assert.deepEqual(texts(output).slice(0, 1), ["三"]);
  assert.deepEqual(output.lines.map((line) => line.start.fg), ["", "", "h4", ""]);
  assert.equal(new Output().add({offset: 0, stream: "stdout", written_at: "", text: "é三😀\n"}), 1);
  const counted = new Output();
  counted.add(chunk(0, "é三😀\n"));
  assert.equal(counted.next, new TextEncoder().encode("é三😀\n").length);
});

test("search, links and rows", () => {
  const output = new Output();
  output.add(chunk(0, "Alpha\n\x1b[31mbe\x1b[0mta\nalpha beta\n"));
  assert.deepEqual(findLines(output.lines, "alpha"), [0, 2]);
  assert.deepEqual(findLines(output.lines, "Alpha"), [0]);
  assert.deepEqual(findLines(output.lines, "beta"), [1, 2]);
  assert.deepEqual(readLineLink("#L120-L140"), {from: 120, to: 140});
  assert.deepEqual(readLineLink("#L7"), {from: 7, to: 7});
  assert.equal(readLineLink("#L0"), null);
  assert.equal(readLineLink("#Lx"), null);
  assert.equal(lineLink(9, 3), "#L3-L9");
  assert.deepEqual(breaks("abcdef", 4), [0, 4]);
  assert.deepEqual(breaks("三三三", 4), [0, 2]);
  assert.equal(plainText("\x1b[1mx\x1b[0m"), "x");
  const starts = new Uint32Array([0, 1, 4, 5]);
  assert.deepEqual([0, 1, 3, 4, 9].map((row) => lineAtRow(starts, 4, row)), [0, 1, 1, 2, 3]);
});
