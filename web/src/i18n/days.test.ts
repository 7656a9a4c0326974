import assert from "node:assert/strict";
import {test} from "node:test";
import {dayOf, instantOf, plusMonths, startOf, wallTime, weekStart} from "./days.ts";

test("days begin when the clock of the zone says so", () => {
  const cases: [string, string, string][] = [
    ["2026-03-01", "UTC", "2026-03-01T00:00:00.000Z"],
    ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z"],
    ["2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00.000Z"],
    ["2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00.000Z"],
    ["2026-03-01", "Asia/Kathmandu", "2026-02-28T18:15:00.000Z"],
    ["2026-09-06", "America/Santiago", "2026-09-06T04:00:00.000Z"],  // midnight does not exist there
  ];
  for (const [day, zone, want] of cases) {
    assert.equal(new Date(startOf(day, zone)).toISOString(), want, `${day} ${zone}`);
    assert.equal(dayOf(startOf(day, zone), zone), day);
  }
  assert.equal(weekStart("2026-11-25"), "2026-11-23");
  assert.equal(weekStart("2026-11-29"), "2026-11-23");
  assert.equal(plusMonths("2026-01-31", 1), "2026-02-01");
});

test("a time is what the clock of the zone shows", () => {
  const cases: [string, string, string][] = [
    ["2026-03-01T09:00", "UTC", "2026-03-01T09:00:00.000Z"],
    ["2026-03-01T09:00", "Asia/Tokyo", "2026-03-01T00:00:00.000Z"],
    ["2026-03-29T09:00", "Europe/Berlin", "2026-03-29T07:00:00.000Z"],  // nine hours after a midnight it would be 10:00
    ["2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30:00.000Z"],  // does not exist
    ["2026-07-01T09:00", "Europe/Nowher", "2026-07-01T09:00:00.000Z"],
  ];
  for (const [time, zone, want] of cases) assert.equal(new Date(instantOf(time, zone)).toISOString(), want, `${time} ${zone}`);
  assert.equal(wallTime(Date.parse("2026-03-01T00:00:00Z"), "Asia/Tokyo"), "2026-03-01T09:00");
  assert.ok(Number.isNaN(instantOf("10000-01-01T09:00", "UTC")));
});
