// pages/job/page.tsx: one job (UI-30): what it does and how it fares, its runs, when it fires, its document, its versions.
import {call} from "../../api/client.ts";
import type {StoredJob} from "../../api/schema.ts";
import {useCommands} from "../../app/commands.ts";
import type {PageProps} from "../../app/pages.ts";
import {href, navigate} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {second, serverNow} from "../../live/clock.ts";
import {askPause, askRun, jobMenu, resume} from "../../jobs/actions.ts";
import {useGlances} from "../../jobs/glance.ts";
import {shortSentence, stateOf, zoneOf} from "../../jobs/state.ts";
import {JobStateChip, PausedUntil} from "../../jobs/state_mark.tsx";
import {Button, LinkButton} from "../../ui/button.tsx";
import {Icon} from "../../ui/icons.tsx";
import {later} from "../../ui/later.tsx";
import {Menu} from "../../ui/menu.tsx";
import {Empty, Loaded, Note, Skeleton} from "../../ui/states.tsx";
import {Tabs} from "../../ui/tabs.tsx";
import {Relative, Time} from "../../ui/time.tsx";
import {words} from "../../ui/words.ts";
import {Summary} from "./summary.tsx";

const Definition = later(() => import("./tabs.ts"), (module) => module.Definition);
const JobRuns = later(() => import("./tabs.ts"), (module) => module.JobRuns);
const ScheduleTab = later(() => import("./tabs.ts"), (module) => module.ScheduleTab);
const Versions = later(() => import("./tabs.ts"), (module) => module.Versions);

const t = texts({
  en: {
    summary: "Summary", definition: "Definition", versions: "Versions", tabs: "Views of this job", next: "next firing", noNext: "no firing ahead",
    invalid: "This document cannot be scheduled. It was put into the store by hand, or by another release; correct it and save.", refused: (nodes: string) => `These workers cannot schedule it: ${nodes}`,
    gone: (name: string) => `There is no job ${name}`, goneText: "It was deleted, or never existed. Its runs stay in the history, and a version of it may still be brought back.", showVersions: "Its versions", showRuns: "Its runs", noTab: "There is no such view",
  },
  zh: {
    summary: "概要", definition: "定义", versions: "版本", tabs: "此任务的视图", next: "下次触发", noNext: "前方没有触发",
    invalid: "此文档无法调度。它是手动或由其他版本写入存储的;请更正并保存。", refused: (nodes) => `以下执行节点无法调度它:${nodes}`,
    gone: (name) => `没有任务 ${name}`, goneText: "它已被删除,或从未存在。其运行记录保留在历史中,其版本可能仍可恢复。", showVersions: "其版本", showRuns: "其运行", noTab: "没有这样的视图",
  },
});
const kTabs = ["", "runs", "schedule", "definition", "versions"];

export default function JobPage({parameters}: PageProps) {
  const name = parameters.name as string, tab = parameters.tab ?? "";
  usePageTitle(name);
  const job = useResource(`job ${name}`, (signal) => call("get_job", {path: {name}, signal}), {topics: ["jobs"]});
  const head = <div class="page-head"><h1>{name}</h1></div>;
  if (!kTabs.includes(tab)) return <>{head}<Empty icon="warning" title={t.noTab} actions={<LinkButton to={href.job(name)}>{t.summary}</LinkButton>} /></>;
  if (job.kind === "failed" && job.problem.status === 404) {
    if (tab === "versions") return <>{head}<Versions name={name} current={null} /></>;
    if (tab === "runs") return <>{head}<JobRuns name={name} /></>;
    return (
      <>
        {head}
        <div class="card"><Empty icon="jobs" title={t.gone(name)} actions={<><LinkButton to={href.job(name, "versions")} icon="history">{t.showVersions}</LinkButton><LinkButton to={href.job(name, "runs")} icon="runs">{t.showRuns}</LinkButton></>}>{t.goneText}</Empty></div>
      </>
    );
  }
  return <>{job.kind !== "ready" && head}<Loaded of={job} rows={10}>{(stored) => <Job stored={stored} tab={tab} />}</Loaded></>;
}

function Job({stored, tab}: {stored: StoredJob; tab: string}) {
  const {name, job} = stored;
  const glance = useGlances([name]).get(name);
  const state = stateOf(stored, serverNow());
  useCommands(() => [
    {id: "edit", label: `${words.edit}: ${name}`, icon: "edit", key: "e", act: () => navigate(href.job(name, "edit"))},
    {id: "run", label: `${words.runNow}: ${name}`, icon: "play", key: "r", act: () => askRun(name)},
    {id: "pause", label: `${state === "paused" ? words.resume : words.pause}: ${name}`, icon: "pause", key: "p", act: () => (state === "paused" ? void resume(name) : askPause(name))},
  ], [name, state]);
  const next = (glance?.next_firings ?? stored.next_firings).find((at) => Date.parse(at) > second.value);
  const zone = zoneOf(job);
  const refused = Object.entries(stored.refused_by ?? {});
  return (
    <>
      <div class="page-head job-head">
        <div class="job-title">
          <div class="row wrap"><h1>{name}</h1><JobStateChip state={state} /></div>
          <p class="dim job-line">
            {glance?.sentence && <span>{shortSentence(glance.sentence)} <span class="job-zone">({zone})</span></span>}
            <span>
              {state === "paused" && job?.paused_until ? <>{words.paused} <PausedUntil end={job.paused_until} /></>
                : next ? <>{t.next} <strong><Relative at={next} /></strong> · <Time at={next} /></> : t.noNext}
            </span>
          </p>
        </div>
        <div class="page-actions">
          <Button icon="play" disabled={!stored.valid} onClick={() => askRun(name)}>{words.runNow}</Button>
          {state === "paused" ? <Button icon="play" onClick={() => void resume(name)}>{words.resume}</Button> : <Button icon="pause" disabled={!stored.valid} onClick={() => askPause(name)}>{words.pause}</Button>}
          <LinkButton to={href.job(name, "edit")} icon="edit">{words.edit}</LinkButton>
          <Menu label={words.more} class="plain only-icon" items={jobMenu(stored, () => navigate(href.jobs())).slice(3)}><Icon name="more" /></Menu>
        </div>
      </div>
      {!stored.valid && <Note tone="bad">{t.invalid}<ul>{(stored.errors ?? []).map((one, i) => <li key={i}><code>{one.pointer}</code> {one.detail}</li>)}</ul></Note>}
      {refused.length > 0 && <Note tone="bad">{t.refused(refused.map(([node]) => node).join(", "))}<ul>{refused.map(([node, why]) => <li key={node}><code>{node}</code> {why}</li>)}</ul></Note>}
      <Tabs label={t.tabs} current={tab} tabs={[
        {id: "", label: t.summary, href: href.job(name)}, {id: "runs", label: words.runs, href: href.job(name, "runs")},
        {id: "schedule", label: words.schedule, href: href.job(name, "schedule")}, {id: "definition", label: t.definition, href: href.job(name, "definition")},
        {id: "versions", label: t.versions, href: href.job(name, "versions")},
      ]} />
      {tab === "" ? (glance ? <Summary stored={stored} glance={glance} /> : <Skeleton rows={8} />)
        : tab === "runs" ? <JobRuns name={name} />
        : tab === "schedule" ? (stored.valid ? <ScheduleTab stored={stored} /> : <Empty icon="calendar" title={t.noNext} />)
        : tab === "definition" ? <Definition stored={stored} />
        : <Versions name={name} current={stored.revision} />}
    </>
  );
}
