// pages/jobs/page.tsx: every job in one list (UI-21 to UI-24). The filter, the order and the direction are in the address.
import {Component} from "preact";
import {useMemo, useRef, useState} from "preact/hooks";
import {addressOf} from "../../api/client.ts";
import type {Glance, StoredJob} from "../../api/schema.ts";
import {useCommands} from "../../app/commands.ts";
import {href, navigate, setQuery} from "../../app/router.ts";
import {stored} from "../../app/stored.ts";
import {density} from "../../app/theme.ts";
import {usePageTitle} from "../../app/title.ts";
import type {PageProps} from "../../app/pages.ts";
import {number} from "../../i18n/format.ts";
import {language, plural, texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {askPause, askRun, jobMenu, resume} from "../../jobs/actions.ts";
import {loadJobs, type JobList} from "../../jobs/all_jobs.ts";
import {useGlances} from "../../jobs/glance.ts";
import {stateOf} from "../../jobs/state.ts";
import {serverNow} from "../../live/clock.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {Button, IconButton, LinkButton} from "../../ui/button.tsx";
import {shellQuote} from "../../ui/copy.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {FilterBox, filterValue, type FilterField} from "../../ui/filter_box.tsx";
import {useHeld} from "../../ui/held.ts";
import {Icon} from "../../ui/icons.tsx";
import {Menu} from "../../ui/menu.tsx";
import {narrow} from "../../ui/narrow.ts";
import {ProblemNote} from "../../ui/problem.tsx";
import {useSaid} from "../../ui/said.tsx";
import {toast} from "../../ui/toast.tsx";
import {Empty, Note, Skeleton} from "../../ui/states.tsx";
import {useVisibleRows} from "../../ui/visible_rows.ts";
import {words} from "../../ui/words.ts";
import {useWidth} from "../../ui/width.ts";
import {FirstJob} from "../../jobs/first_job.tsx";
import type {BulkKind} from "./bulk.tsx";
import {columns, fitting, usualColumns, type Column, type ColumnId} from "./columns.tsx";

const t = texts({
  en: {
    count: (n: number) => plural(n, {one: "1 job", other: "{n} jobs"}), newJob: "New job", comfortable: "Comfortable rows", compact: "Compact rows", view: "View",
    none: "No job is like that", noneText: "No job fits all terms of the filter.", clear: "Clear the filter",
    chosen: (n: number) => `${number(n)} selected`, chooseAll: (n: number) => `Select all ${number(n)}`, chooseNone: "Clear selection", choose: (name: string) => `Select ${name}`, choosePage: "Select all",
    held: (n: number) => plural(n, {one: "1 change", other: "{n} changes"}), stale: "The store is away: this is the last known list.", actions: (name: string) => `Actions for ${name}`, label: "Label…",
    saved: "Saved views", save: "Save this view", remove: "Remove this view", down: "Next row", up: "Row before", select: "Select the row", open: "Open",
    aState: "what it is", aLabel: "name or name=value", aName: "part of its name", aOwner: "whose it is", aNext: "time to its next firing", aCommand: "part of its command", aZone: "its time zone", aSchedule: "its expression", aOverlap: "its overlap policy", aText: "part of its description", aLast: "how its last run ended",
  },
  zh: {
    count: (n) => `${number(n)} 个任务`, newJob: "新建任务", comfortable: "宽松行距", compact: "紧凑行距", view: "视图",
    none: "没有这样的任务", noneText: "没有任务符合筛选的所有条件。", clear: "清除筛选",
    chosen: (n) => `已选 ${number(n)} 个`, chooseAll: (n) => `选择全部 ${number(n)} 个`, chooseNone: "取消选择", choose: (name) => `选择 ${name}`, choosePage: "全选",
    held: (n) => `${number(n)} 处变化`, stale: "存储不可用:这是最后已知的列表。", actions: (name) => `${name} 的操作`, label: "标签…",
    saved: "已存视图", save: "保存此视图", remove: "移除此视图", down: "下一行", up: "上一行", select: "选择该行", open: "打开",
    aState: "状态", aLabel: "名称或 名称=值", aName: "名称的一部分", aOwner: "负责人", aNext: "距下次触发的时间", aCommand: "命令的一部分", aZone: "时区", aSchedule: "表达式", aOverlap: "重叠策略", aText: "说明的一部分", aLast: "最近一次运行的结果",
  },
});

const shownColumns = stored<ColumnId[]>("jobs.columns", [...usualColumns]);
const savedViews = stored<string[]>("jobs.views", []);  // filters

function filterFields(list: readonly StoredJob[]): FilterField[] {
  const labels = new Set<string>(), owners = new Set<string>();
  for (const {job} of list.slice(0, 1_000)) {
    for (const [name, value] of Object.entries(job?.labels ?? {})) labels.add(filterValue(value ? `${name}=${value}` : name));
    if (job?.owner) owners.add(filterValue(job.owner));
  }
  return [
    {name: "state", values: ["enabled", "disabled", "paused", "ended", "invalid"], about: t.aState},
    {name: "last", values: ["failed,signalled,timed_out,lost", "failed", "signalled", "timed_out", "killed", "lost"], about: t.aLast},
    {name: "label", values: [...labels].sort(), about: t.aLabel},
    {name: "name", operators: ["~"], about: t.aName},
    {name: "owner", values: [...owners].sort(), about: t.aOwner},
    {name: "next", operators: ["<", ">"], values: ["5m", "1h", "24h"], about: t.aNext},
    {name: "command", operators: ["~"], about: t.aCommand},
    {name: "description", operators: ["~"], about: t.aText},
    {name: "zone", operators: ["~"], about: t.aZone},
    {name: "schedule", operators: ["~"], about: t.aSchedule},
    {name: "overlap", values: ["forbid", "allow", "replace", "queue"], about: t.aOverlap},
  ];
}

export default function JobsPage({query}: PageProps) {
  usePageTitle(words.jobs);
  const filter = query.get("filter") ?? "";
  // While another filter is asked for, or is being mistyped, the list before it stays.
  const last = useRef<{filter: string; list: JobList} | null>(null);
  const jobs = useResource(`jobs ${filter}`, (signal) => loadJobs(filter, signal, last.current?.filter === filter ? last.current.list : undefined), {topics: /(last|state):/.test(filter) ? ["jobs", "runs"] : ["jobs"], pace: 2_000});
  if (jobs.kind === "ready") last.current = {filter, list: jobs.data};
  const list = jobs.kind === "ready" ? jobs.data : last.current?.list;
  useSaid(list ? t.count(list.total) : "");
  const mistyped = jobs.kind === "failed" && jobs.problem.errors.some((error) => error.parameter === "filter");
  const fields = useMemo(() => filterFields(list?.items ?? []), [list]);

  if (jobs.kind === "ready" && jobs.data.total === 0 && !filter) return <FirstJob />;
  return (
    <>
      <div class="page-head jobs-head">
        <h1>{words.jobs}</h1>
        {list && <span class="dim jobs-count">{t.count(list.total)}</span>}
        <div class="page-actions"><AsCommand cli={`cronfleet job list${filter && ` --filter ${shellQuote(filter)}`}`} api={addressOf("list_jobs", {query: {filter}})} /><LinkButton to={href.newJob()} tone="primary" icon="plus">{t.newJob}</LinkButton></div>
      </div>
      <div class="jobs-tools">
        <FilterBox value={filter} onChange={(text) => setQuery({filter: text})} fields={fields} problem={jobs.kind === "failed" ? jobs.problem : undefined} />
        <Menu label={t.saved} class="plain" items={[
          ...savedViews.value.map((view) => ({label: view, chosen: view === filter, action: () => setQuery({filter: view}, "push")})),
          filter && savedViews.value.includes(filter)
            ? {label: t.remove, separate: true, action: () => (savedViews.value = savedViews.value.filter((view) => view !== filter))}
            : {label: t.save, separate: savedViews.value.length > 0, disabled: !filter, action: () => (savedViews.value = [...savedViews.value, filter])},
        ]}><Icon name="filter" /><span class="wide-only">{t.saved}</span><Icon name="down" size={12} /></Menu>
        <Menu label={t.view} class="plain" items={[
          {label: t.comfortable, chosen: density.value === "comfortable", action: () => (density.value = "comfortable")},
          {label: t.compact, chosen: density.value === "compact", action: () => (density.value = "compact")},
          ...columns.filter((column) => column.id !== "name").map((column, i) => ({
            label: column.label(), chosen: shownColumns.value.includes(column.id), separate: i === 0,
            action: () => (shownColumns.value = columns.map((one) => one.id).filter((id) => (id === column.id) !== shownColumns.value.includes(id))),
          })),
        ]}><Icon name="columns" /><span class="wide-only">{t.view}</span><Icon name="down" size={12} /></Menu>
      </div>
      {list?.stale && <Note tone="late">{t.stale}</Note>}
      {jobs.kind === "failed" && !mistyped && <ProblemNote problem={jobs.problem} onRetry={jobs.refresh} />}
      {!list ? jobs.kind === "loading" && <div class="card"><Skeleton rows={10} /></div>
        : list.items.length === 0 ? (
          <div class="card"><Empty icon="filter" title={t.none} actions={<Button onClick={() => setQuery({filter: ""})}>{t.clear}</Button>}>{t.noneText}</Empty></div>
        ) : <JobTable list={list.items} query={query} scope={filter} />}
    </>
  );
}

interface RowProps {
  job: StoredJob; glance: Glance | undefined; index: number; chosen: boolean; cursor: boolean;
  columns: string;   // ids of those shown
  language: string;  // its texts were made in
  act: {toggle: (name: string) => void; point: (index: number) => void};
}
/** Drawn again only when something of it has changed: thirty others come and go with each turn of the wheel. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps) {
    return (Object.keys(next) as (keyof RowProps)[]).some((key) => next[key] !== this.props[key]);
  }
  render({job, glance, index, chosen, cursor, columns: ids, act}: RowProps) {
    const shown = ids.split(" ").map((id) => columns.find((column) => column.id === id) as Column);
    const outside = (event: Event) => !(event.target as Element).closest("a,button,input");
    return (
      <tr aria-rowindex={index + 2} aria-selected={chosen} class={cursor ? "jobs-row cursor" : "jobs-row"}
          onClick={(event) => { if (outside(event)) act.point(index); }} onDblClick={(event) => { if (outside(event)) navigate(href.job(job.name)); }}>
        <td class="jobs-check"><input type="checkbox" aria-label={t.choose(job.name)} checked={chosen} onChange={() => act.toggle(job.name)} /></td>
        {shown.map((column) => <td key={column.id} class={`jobs-${column.id} ${column.class ?? ""}`}><column.cell stored={job} glance={glance} /></td>)}
        <td class="jobs-menu">
          <span class="row">
            <IconButton icon="play" size="small" label={`${words.runNow}: ${job.name}`} disabled={!job.valid} onClick={() => askRun(job.name)} />
            <RowMenu job={job} />
          </span>
        </td>
      </tr>
    );
  }
}

/** Its list of actions is made when it is about to open: most rows never need theirs. */
function RowMenu({job}: {job: StoredJob}) {
  const [near, setNear] = useState(false);
  return (
    <span onPointerEnter={() => setNear(true)} onFocusCapture={() => setNear(true)}>
      <Menu label={t.actions(job.name)} class="bare small only-icon" items={near ? jobMenu(job) : []}><Icon name="more" /></Menu>
    </span>
  );
}

function JobTable({list, query, scope}: {list: readonly StoredJob[]; query: URLSearchParams; scope: string}) {
  const sort = query.get("sort") ?? "name", descending = query.get("dir") === "down";
  const sorted = useMemo(() => {
    const order = columns.find((column) => column.id === sort)?.order;
    if (!order) return list;
    const result = [...list].sort(order);
    return descending ? result.reverse() : result;
  }, [list, sort, descending]);
  const {list: rows, held, release, hold} = useHeld(sorted, (job) => job.name, `${scope} ${sort} ${descending}`);
  const cards = narrow.value;
  const height = cards ? 118 : density.value === "compact" ? 34 : 50;
  const {ref, range} = useVisibleRows(rows.length, height);
  const visible = rows.slice(range.from, range.to);
  const glances = useGlances(visible.map((job) => job.name));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState(-1);
  const {ref: box, width} = useWidth();
  const wanted = columns.filter((column) => column.id === "name" || shownColumns.value.includes(column.id));
  const shown = cards ? wanted : fitting(wanted, width);
  const columnKey = shown.map((column) => column.id).join(" ");

  const toggle = (name: string) => setChosen((before) => {
    const next = new Set(before);
    if (!next.delete(name)) next.add(name);
    return next;
  });
  const act = useRef({toggle, point: setCursor});
  const move = (step: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, cursor + step));
    setCursor(next);
    const body = document.getElementById("jobs-body")?.getBoundingClientRect();
    if (!body) return;
    const top = body.top + next * height;
    if (top < 110 || top + height > innerHeight - 80) scrollBy({top: top - innerHeight / 2});
  };
  const at = rows[cursor];
  useCommands(() => [
    {id: "down", label: t.down, icon: "down", key: "j", act: () => move(1)},
    {id: "up", label: t.up, icon: "up", key: "k", act: () => move(-1)},
    ...(at ? [
      {id: "select", label: `${t.select}: ${at.name}`, icon: "check" as const, key: "x", act: () => toggle(at.name)},
      {id: "open", label: `${t.open}: ${at.name}`, icon: "arrow" as const, key: "Enter", act: () => navigate(href.job(at.name))},
      {id: "edit", label: `${words.edit}: ${at.name}`, icon: "edit" as const, key: "e", act: () => navigate(href.job(at.name, "edit"))},
      {id: "run", label: `${words.runNow}: ${at.name}`, icon: "play" as const, key: "r", act: () => askRun(at.name)},
      {id: "pause", label: `${words.pause} / ${words.resume}: ${at.name}`, icon: "pause" as const, key: "p",
       act: () => (stateOf(at, serverNow()) === "paused" ? void resume(at.name) : askPause(at.name))},
    ] : []),
  ], [cursor, at, chosen, rows]);

  const picked = chosen.size > 0 ? rows.filter((job) => chosen.has(job.name)) : [];
  const bulk = (kind: BulkKind) => {
    import("./bulk.tsx").then(({BulkDialog}) =>
      openDialog((close) => <BulkDialog kind={kind} jobs={picked} onClose={(done) => { close(); if (done) setChosen(new Set()); }} />), toast.problem);
  };
  const sortBy = (id: string) => setQuery(sort === id ? {dir: descending ? "" : "down"} : {sort: id === "name" ? "" : id, dir: ""});
  const verbs = {run: words.runNow, pause: words.pause, resume: words.resume, enable: words.enable, disable: words.disable};
  const span = shown.length + 2;
  return (
    <>
      {held > 0 && <button type="button" class="jobs-held" onClick={release}><Icon name="refresh" size={13} />{t.held(held)}</button>}
      <div ref={box} class={`card jobs-table${cards ? " cards" : ""}`} {...hold}>
        <table aria-rowcount={rows.length + 1}>
          <colgroup>
            <col class="jobs-col-check" />
            {shown.map((column) => <col key={column.id} style={column.width ? {width: `${column.width}px`} : {}} />)}
            <col class="jobs-col-menu" />
          </colgroup>
          <thead>
            <tr>
              <th class="jobs-check"><input type="checkbox" aria-label={t.choosePage} checked={picked.length > 0 && picked.length === rows.length} ref={(box) => { if (box) box.indeterminate = picked.length > 0 && picked.length < rows.length; }}
                         onChange={() => setChosen(picked.length === rows.length ? new Set() : new Set(rows.map((job) => job.name)))} /></th>
              {shown.map((column) => (
                <th key={column.id} class={column.class} aria-sort={sort === column.id ? (descending ? "descending" : "ascending") : undefined}>
                  {column.order ? <button type="button" class="sort" onClick={() => sortBy(column.id)}>{column.label()}{sort === column.id && <Icon name={descending ? "down" : "up"} size={12} />}</button> : column.label()}
                </th>
              ))}
              <th><span class="away">{words.more}</span></th>
            </tr>
          </thead>
          <tbody id="jobs-body" ref={ref} style={{"--jobs-row": `${height}px`}}>
            {range.from > 0 && <tr class="jobs-gap" aria-hidden="true"><td colSpan={span} style={{height: `${range.from * height}px`}} /></tr>}
            {visible.map((job, i) => {
              const index = range.from + i;
              return <Row key={job.name} job={job} glance={glances.get(job.name)} index={index} chosen={chosen.has(job.name)} cursor={index === cursor} columns={columnKey} act={act.current} language={language.value} />;
            })}
            {range.to < rows.length && <tr class="jobs-gap" aria-hidden="true"><td colSpan={span} style={{height: `${(rows.length - range.to) * height}px`}} /></tr>}
          </tbody>
        </table>
      </div>
      {picked.length > 0 && (
        <div class="jobs-bulk" role="toolbar" aria-label={t.chosen(picked.length)}>
          <strong class="num">{t.chosen(picked.length)}</strong>
          {picked.length < rows.length && <Button tone="bare" size="small" onClick={() => setChosen(new Set(rows.map((job) => job.name)))}>{t.chooseAll(rows.length)}</Button>}
          <span class="grow" />
          {(["run", "pause", "resume", "enable", "disable"] as const).map((kind) => <Button key={kind} size="small" onClick={() => bulk(kind)}>{verbs[kind]}</Button>)}
          <Button size="small" onClick={() => bulk("label")}>{t.label}</Button>
          <Button size="small" tone="danger" onClick={() => bulk("delete")}>{words.delete}</Button>
          <IconButton icon="close" size="small" label={t.chooseNone} onClick={() => setChosen(new Set())} />
        </div>
      )}
    </>
  );
}
