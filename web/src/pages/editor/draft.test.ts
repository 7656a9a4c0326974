import "../../testing/browser.ts";
import assert from "node:assert/strict";
import {test} from "node:test";
import {changedKeys, keepDraft, keptDraft, linesToPairs, linesToWhere, mergeThree, pairsToLines, toText, whereToLines, withMember} from "./draft.ts";

test("three versions: each side's own changes are kept, only what both changed is asked", () => {
  const base = {schedule: "0 2 * * *", command: "a", timeout: "1h", labels: {team: "db"}};
  const theirs = {schedule: "0 3 * * *", command: "b", timeout: "1h", labels: {team: "db"}, owner: "ann"};
  const mine = {schedule: "0 4 * * *", command: "b", labels: {team: "web"}};
  const {merged, conflicts, theirs: taken} = mergeThree(base, theirs, mine);
  assert.deepEqual(conflicts, [{key: "schedule", base: "0 2 * * *", theirs: "0 3 * * *", mine: "0 4 * * *"}]);
  assert.deepEqual(merged, {labels: {team: "web"}, schedule: "0 4 * * *", owner: "ann", command: "b"});
  assert.deepEqual(taken, ["owner"]);
});

test("an object with its members in another order is the same", () => {
  assert.deepEqual(changedKeys({retry: {count: 1, delay: "1s"}}, {retry: {delay: "1s", count: 1}}), []);
  assert.deepEqual(changedKeys({command: "a"}, {command: ["a"], user: "x"}), ["command", "user"]);
});

test("lines of labels and environment keep what they mean", () => {
  const pairs = {team: "db", url: "http://x/?a=b", empty: "", spaced: " two words "};
  assert.deepEqual(linesToPairs(pairsToLines(pairs)), pairs);
  assert.deepEqual(linesToPairs("  \na = 1\nalone"), {a: " 1", alone: ""});
});

test("lines of where", () => {
  const where = {zone: "eu", disk: ["ssd", "nvme"], gpu: {not: "true"}, node: {not: ["a", "b"]}};
  assert.equal(whereToLines(where), "zone=eu\ndisk=ssd,nvme\ngpu!=true\nnode!=a,b");
  assert.deepEqual(linesToWhere(whereToLines(where)), where);
  assert.deepEqual(linesToWhere("nonsense\n=x\nzone="), {});
});

test("the document is written in the order of its manual, without what says nothing", () => {
  assert.equal(toText({command: "b", zzz: 1, schedule: "@daily", name: "n"}), '{\n  "name": "n",\n  "schedule": "@daily",\n  "command": "b",\n  "zzz": 1\n}');
  assert.deepEqual(withMember({a: 1, labels: {x: "1"}}, "labels", {}), {a: 1});
});

test("a draft outlives the page until it is taken away", () => {
  const kept = {name: "n", document: {command: "x"}, base: {}, revision: 3, at: 1};
  keepDraft("n", kept);
  assert.deepEqual(keptDraft("n"), kept);
  keepDraft("n", null);
  assert.equal(keptDraft("n"), null);
});
