import assert from "node:assert/strict";
import {test} from "node:test";
import type {Run} from "../../api/schema.ts";
import {inLanes} from "./lanes.ts";

const at = (second: number) => new Date(second * 1_000).toISOString();
const run = (id: string, from: number, to?: number) =>
  ({id, started_at: at(from), ...(to === undefined ? {} : {ended_at: at(to)})}) as Run;
const lanes = (runs: Run[], now: number) => Object.fromEntries(inLanes(runs, now * 1_000).map(({run: one, lane}) => [one.id, lane]));

test("runs that overlap lie side by side, others share a lane", () => {
  assert.deepEqual(lanes([run("c", 10, 12), run("b", 5, 11), run("a", 0, 10)], 20), {a: 0, b: 1, c: 0});
});
test("a run that goes on takes its lane until now", () => {
  assert.deepEqual(lanes([run("a", 0), run("b", 5, 6), run("c", 7, 8)], 9), {a: 0, b: 1, c: 1});
});
test("there are no more than eight lanes, and a run that has not begun has none", () => {
  const many = Array.from({length: 12}, (_, i) => run(`r${i}`, i));
  assert.equal(Math.max(...Object.values(lanes([...many, {id: "waits"} as Run], 100))), 7);
  assert.equal(Object.keys(lanes([...many, {id: "waits"} as Run], 100)).length, 12);
});
