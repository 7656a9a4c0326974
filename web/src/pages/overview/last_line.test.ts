import assert from "node:assert/strict";
import {test} from "node:test";
import {lastLine} from "./last_line.ts";

test("the last line that says something, without what a terminal would obey", () => {
  const cases: [string, string][] = [
    ["", ""], ["\n\n", ""], ["one\ntwo\n\n", "two"], ["\x1b[31merror:\x1b[0m no space\r\n", "error: no space"],
    ["\x1b]8;;http://x.example\x07link\x1b]8;;\x07", "link"], ["a\u202etxt.exe", "atxt.exe"], ["\x1b[", ""],
  ];
  for (const [output, line] of cases) assert.equal(lastLine(output), line, JSON.stringify(output));
  assert.equal(lastLine("x".repeat(5_000)).length, 300);
});
