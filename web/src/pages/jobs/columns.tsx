// pages/jobs/columns.tsx: what a row of the list of jobs can show.
import type {ComponentChildren} from "preact";
import type {Glance, StoredJob} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {percent, viewerZone} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {second, serverNow} from "../../live/clock.ts";
import {scheduleOf, shortSentence, shownCommand, stateOf, stateTone, stateWord, zoneOf} from "../../jobs/state.ts";
import {JobStateMark, PausedUntil} from "../../jobs/state_mark.tsx";
import {ResultStrip} from "../../jobs/result_strip.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {Relative, Time} from "../../ui/time.tsx";
import {words} from "../../ui/words.ts";

const t = texts({
  en: {results: "Latest runs", success: "OK, 7 d", successAbout: (ok: number, of: number) => `${ok} of ${plural(of, {one: "1 run", other: "the newest {n} runs"})} of the last 7 days succeeded`, onlyLabel: "Only jobs with this label"},
  zh: {results: "最近运行", success: "成功率", successAbout: (ok, of) => `最近 7 天内最新的 ${of} 次运行中有 ${ok} 次成功`, onlyLabel: "仅显示带此标签的任务"},
});

export interface Row { stored: StoredJob; glance: Glance | undefined }
export interface Column {
  id: "name" | "schedule" | "zone" | "next" | "results" | "success" | "labels" | "owner" | "command";
  label: () => string;
  width: number;  // px; 0: what is left
  rank: number;   // the greatest gives way first where there is no room
  cell: (row: Row) => ComponentChildren;
  order?: (a: StoredJob, b: StoredJob) => number;
  class?: string;
}

/** The first firing that lies ahead; the list may be older than the glance. */
export function nextFiring({stored, glance}: Row): string | undefined {
  const now = second.value;
  const ahead = (list: readonly string[] | undefined) => list?.find((at) => Date.parse(at) > now);
  return ahead(glance?.next_firings) ?? ahead(stored.next_firings);
}

function Next(row: Row) {
  const state = stateOf(row.stored, serverNow());
  const job = row.stored.job;
  if (state === "paused" && job?.paused_until) {
    return (
      <span class="jobs-two">
        <span class="dim clip">{stateWord(state)}</span>
        <span class="dim clip"><PausedUntil end={job.paused_until} /></span>
      </span>
    );
  }
  const at = nextFiring(row);
  if (!at) return <span class={`clip state-word tone-${stateTone[state]}`}>{state === "enabled" ? words.never : stateWord(state)}</span>;
  return <span class="jobs-two"><span class="clip"><Relative at={at} /></span><span class="dim clip"><Time at={at} /></span></span>;
}

function Labels({stored}: Row) {
  const labels = Object.entries(stored.job?.labels ?? {}).map(([name, value]) => (value ? `${name}=${value}` : name));
  if (labels.length === 0) return null;
  const shown = labels.slice(0, 2).join("").length > 12 ? 1 : 2;
  return (
    <span class="jobs-labels">
      {labels.slice(0, shown).map((label) => (
        <a key={label} class="chip clip" title={`${label}\n${t.onlyLabel}`} href={href.jobs({filter: `label:${filterValue(label)}`})}>{label}</a>
      ))}
      {labels.length > shown && <span class="dim small-text num" title={labels.slice(shown).join("\n")}>+{labels.length - shown}</span>}
    </span>
  );
}

const {compare} = new Intl.Collator();  // ten times as fast as localeCompare
const byText = (of: (job: StoredJob) => string) => (a: StoredJob, b: StoredJob) => compare(of(a), of(b)) || compare(a.name, b.name);
const firstNext = (job: StoredJob) => job.next_firings.find((at) => Date.parse(at) > serverNow() - 1_000) ?? "~";

export const columns: readonly Column[] = [
  {
    id: "name", label: () => words.name, width: 0, rank: 0, order: byText((job) => job.name),
    cell: ({stored}) => {
      const about = stored.job?.description || shownCommand(stored.job);
      return (
        <span class="jobs-title">
          <JobStateMark state={stateOf(stored, serverNow())} />
          <span class="jobs-two">
            <a class="clip jobs-link" href={href.job(stored.name)} title={stored.name}>{stored.name}</a>
            {about && <span class="dim clip jobs-about" title={about}>{about}</span>}
          </span>
        </span>
      );
    },
  },
  {
    id: "schedule", label: () => words.schedule, width: 178, rank: 3, order: byText((job) => scheduleOf(job.job)),
    cell: ({stored, glance}) => (
      <span class="jobs-two">
        <span class="row"><code class="clip" title={scheduleOf(stored.job)}>{scheduleOf(stored.job) || "–"}</code>{zoneOf(stored.job) !== viewerZone() && <span class="dim clip jobs-zone" title={zoneOf(stored.job)}>{zoneOf(stored.job)}</span>}</span>
        <span class="dim clip jobs-about" title={glance?.sentence}>{glance?.sentence ? shortSentence(glance.sentence) : " "}</span>
      </span>
    ),
  },
  {id: "zone", label: () => words.zone, width: 130, rank: 7, order: byText((job) => zoneOf(job.job)), cell: ({stored}) => <span class="dim clip">{zoneOf(stored.job)}</span>},
  {id: "next", label: () => words.next, width: 118, rank: 1, order: byText(firstNext), cell: Next},
  {id: "results", label: () => t.results, width: 142, rank: 2, cell: ({glance}) => (glance ? <ResultStrip results={glance.results} /> : null)},
  {
    id: "success", label: () => t.success, width: 72, rank: 4, class: "end",
    cell: ({glance}) => {
      const recent = glance?.recent;
      if (!recent || recent.count === 0) return <span class="dim">–</span>;
      const part = recent.succeeded / recent.count;
      return <span class={`num tone-${part < 0.5 ? "bad" : part < 0.95 ? "late" : "good"} jobs-part`} title={t.successAbout(recent.succeeded, recent.count)}>{percent(part)}</span>;
    },
  },
  {id: "labels", label: () => words.labels, width: 158, rank: 5, cell: Labels},
  {id: "owner", label: () => words.owner, width: 112, rank: 6, order: byText((job) => job.job?.owner ?? "~"), cell: ({stored}) => <span class="clip">{stored.job?.owner ?? ""}</span>},
  {id: "command", label: () => words.command, width: 230, rank: 8, cell: ({stored}) => <code class="clip" title={shownCommand(stored.job)}>{shownCommand(stored.job)}</code>},
];
export type ColumnId = Column["id"];
/** Those that fit, in their order: the name keeps 230 px. */
export function fitting(wanted: readonly Column[], width: number): Column[] {
  const kept = [...wanted];
  const left = () => width - 120 - kept.reduce((sum, column) => sum + column.width, 0);
  while (width > 0 && left() < 230 && kept.length > 2) {
    const last = kept.reduce((a, b) => (b.rank > a.rank ? b : a));
    kept.splice(kept.indexOf(last), 1);
  }
  return kept;
}
export const usualColumns: readonly ColumnId[] = ["name", "schedule", "next", "results", "success", "labels", "owner"];
