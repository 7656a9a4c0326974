import assert from "node:assert/strict";
import {test} from "node:test";
import {dayOf, plusMonths, startOf, weekStart} from "./days.ts";

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
