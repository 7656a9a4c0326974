// pages/job/schedule_tab.tsx: when a job fires: its schedule in words, and the firings that count, pauses and window minded.
import {call} from "../../api/client.ts";
import type {StoredJob} from "../../api/schema.ts";
import {language, texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {PausedUntil} from "../../jobs/state_mark.tsx";
import {Loaded, Note} from "../../ui/states.tsx";
import {Time} from "../../ui/time.tsx";
import {SchedulePanel} from "../editor/schedule_panel.tsx";

const t = texts({
  en: {disabled: "The job is disabled: nothing fires until it is enabled again.", paused: "The job is paused", from: "It fires from", to: "It fires no more from"},
  zh: {disabled: "任务已停用:启用之前不会触发。", paused: "任务已暂停", from: "开始触发于", to: "不再触发于"},
});

export function ScheduleTab({stored}: {stored: StoredJob}) {
  const {name, revision, job} = stored;
  const explained = useResource(`explain ${name} ${revision} ${language.value}`, (signal) => call("explain_job", {path: {name}, query: {count: 1_000, language: language.value}, signal}), {every: 60_000});
  return (
    <Loaded of={explained}>{(explanation) => (
      <section class="card card-body job-schedule stack">
        {job?.enabled === false && <Note tone="late">{t.disabled}</Note>}
        {job?.enabled !== false && explanation.paused_until && <Note tone="late"><p>{t.paused} <PausedUntil end={explanation.paused_until} /></p></Note>}
        {explanation.starts_at && <p class="dim">{t.from} <Time at={explanation.starts_at} /></p>}
        {explanation.ends_at && <p class="dim">{t.to} <Time at={explanation.ends_at} /></p>}
        <p><code class="job-expression">{explanation.expression}</code></p>
        <SchedulePanel explained={{explanation, problem: null, settled: true}} never={job?.enabled !== false && !explanation.paused_until} />
      </section>
    )}</Loaded>
  );
}
