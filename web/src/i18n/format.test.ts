import "../testing/browser.ts";
import assert from "node:assert/strict";
import {test} from "node:test";
import {bytes, duration, parseDuration, relative, shortTime, weekday, wholeDuration, zoneOffset} from "./format.ts";
import {language, plural, pseudo, texts} from "./language.ts";

test("durations have two figures that matter", () => {
  const cases: [number, string, string][] = [
    [0, "0ms", "0ms"], [340, "340ms", "340ms"], [4_260, "4.2s", "4.2秒"], [59_999, "59s", "59秒"], [60_000, "1m", "1分钟"],
    [200_000, "3m 20s", "3分钟 20秒"], [7_500_000, "2h 5m", "2小时 5分钟"], [356_400_000, "4d 3h", "4天 3小时"],
  ];
  for (const [ms, english, chinese] of cases) {
    language.value = "en";
    assert.equal(duration(ms), english);
    language.value = "zh";
    assert.equal(duration(ms).replaceAll(" ", ""), chinese.replaceAll(" ", ""));
  }
  language.value = "en";
  assert.equal(wholeDuration(4_999), "4s");
});

test("relative times count down and then up", () => {
  const now = Date.parse("2026-03-01T02:00:00Z");
  assert.equal(relative(now + 252_000, now), "in 4m 12s");
  assert.equal(relative(now - 11_100_000, now), "3h 5m ago");
  assert.equal(relative(now + 400, now), "now");
});

test("the short time says no more than it must", () => {
  const now = Date.parse("2026-03-01T02:00:00Z");
  assert.equal(shortTime("2026-03-01T23:15:09Z", now, "UTC"), "23:15:09");
  assert.equal(shortTime("2026-03-02T00:15:09Z", now, "UTC"), "2 Mar 00:15");
  assert.equal(shortTime("2026-03-01T17:00:00Z", now, "Asia/Tokyo"), "2 Mar 02:00");
  assert.match(shortTime("2028-02-29T00:00:00Z", now, "UTC"), /2028/);
  assert.equal(weekday("2026-03-02T00:15:09Z", now, "UTC"), "Mon 2 Mar");
  assert.match(weekday("2028-02-29T00:00:00Z", now, "UTC"), /2028/);
});

test("offsets follow the clock changes of a zone", () => {
  assert.equal(zoneOffset("2026-01-01T00:00:00Z", "Europe/Berlin"), "UTC+1");
  assert.equal(zoneOffset("2026-07-01T00:00:00Z", "Europe/Berlin"), "UTC+2");
  assert.equal(zoneOffset("2026-07-01T00:00:00Z", "Asia/Kolkata"), "UTC+5:30");
});

test("durations of settings are read in both forms", () => {
  const cases: [string, number | null][] = [
    ["90s", 90_000], ["1h30m", 5_400_000], ["PT1H30M", 5_400_000], ["P1DT1S", 86_401_000], ["250ms", 250], ["2d", 172_800_000],
    ["", null], ["P", null], ["PT", null], ["soon", null], ["5", null],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test("bytes", () => {
  assert.equal(bytes(999), "999B");
  assert.equal(bytes(1_234_567), "1.2MB");
});

test("texts follow the language, and the pseudo-locale marks every one", () => {
  const t = texts({en: {jobs: "Jobs", of: (n: number) => plural(n, {one: "{n} job", other: "{n} jobs"})}, zh: {jobs: "任务", of: (n) => `${n} 个任务`}});
  language.value = "en";
  assert.equal(t.jobs, "Jobs");
  assert.equal(t.of(1), "1 job");
  assert.equal(t.of(12_000), "12,000 jobs");
  language.value = "zh";
  assert.equal(t.of(3), "3 个任务");
  language.value = "en";
  pseudo.value = true;
  assert.equal(t.jobs, "[Jöbs~~]");
  assert.match(t.of(2), /^\[2 jöbs~+\]$/);
  pseudo.value = false;
});
