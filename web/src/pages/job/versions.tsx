// pages/job/versions.tsx: what a job was: each version with what it changed, the difference to now, and the way back.
import {useState} from "preact/hooks";
import {call} from "../../api/client.ts";
import {setQuery, href, navigate, place} from "../../app/router.ts";
import {texts} from "../../i18n/language.ts";
import {noteOwnChange} from "../../live/live.ts";
import {useResource} from "../../live/resource.ts";
import {Button} from "../../ui/button.tsx";
import {Empty, Loaded} from "../../ui/states.tsx";
import {Time} from "../../ui/time.tsx";
import {toast} from "../../ui/toast.tsx";

const t = texts({
  en: {
    current: "current", first: "first version kept", restore: "Restore this version", restored: "Restored", against: "What changed in this version", toNow: "What restoring it would change", none: "No version is kept", noneText: "Versions are kept from the first save on.",
    invalid: "cannot be scheduled", same: "No difference", was: "before", is: "after", absent: "absent", version: "Version",
  },
  zh: {
    current: "当前", first: "保留的最早版本", restore: "恢复此版本", restored: "已恢复", against: "此版本的更改", toNow: "恢复它会更改什么", none: "没有保留的版本", noneText: "从第一次保存起保留版本。",
    invalid: "无法调度", same: "没有差异", was: "之前", is: "之后", absent: "无", version: "版本",
  },
});

const show = (value: unknown): string => (value === undefined ? t.absent : typeof value === "string" ? value : JSON.stringify(value, null, 1));

function Diff({name, revision, against}: {name: string; revision: number; against: number | undefined}) {
  const diff = useResource(`diff ${name} ${revision} ${against}`, (signal) => call("diff_versions", {path: {name, revision}, query: against ? {against} : {}, signal}));
  return (
    <Loaded of={diff} rows={3}>{({changes}) => changes.length === 0 ? <p class="dim">{t.same}</p> : (
      <table class="versions-diff">
        <thead><tr><td /><th>{t.was}</th><th>{t.is}</th></tr></thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.pointer}>
              <th scope="row"><code>{change.pointer.slice(1) || "/"}</code></th>
              <td class={change.before === undefined ? "dim" : "versions-before"}><pre>{show(change.before)}</pre></td>
              <td class={change.after === undefined ? "dim" : "versions-after"}><pre>{show(change.after)}</pre></td>
            </tr>
          ))}
        </tbody>
      </table>
    )}</Loaded>
  );
}

export function Versions({name, current}: {name: string; current: number | null}) {
  const versions = useResource(`versions ${name}`, (signal) => call("list_versions", {path: {name}, signal}), {topics: ["jobs"]});
  const chosen = Number(place.value.query.get("version")) || 0;
  const [busy, setBusy] = useState(false);
  const restore = async (revision: number) => {
    setBusy(true);
    try {
      await call("restore_version", {path: {name, revision}, ...(current === null ? {ifNoneMatch: "*" as const} : {ifMatch: current})});
      noteOwnChange(["jobs"]);
      toast(t.restored);
      navigate(href.job(name, "versions"));
    } catch (error) {
      toast.problem(error);
    }
    setBusy(false);
  };
  return (
    <Loaded of={versions} rows={6}>{({items}) => {
      if (items.length === 0) return <Empty icon="history" title={t.none}>{t.noneText}</Empty>;
      const shown = items.find((one) => one.revision === chosen) ?? items[0];
      if (!shown) return null;
      const newest = items[0]?.revision;
      return (
        <div class="versions">
          <ol class="card versions-list">
            {items.map((one, i) => (
              <li key={one.revision}>
                <button type="button" aria-current={one === shown ? "true" : undefined} onClick={() => setQuery({version: String(one.revision)})}>
                  <span class="row between"><strong class="num">{t.version} {one.revision}</strong>{one.current && <span class="chip tone tone-good">{t.current}</span>}{!one.valid && <span class="chip tone tone-bad">{t.invalid}</span>}</span>
                  <span class="dim small-text">{one.since && <Time at={one.since} />}</span>
                  <span class="dim small-text clip">{i === items.length - 1 ? t.first : (one.changes ?? []).map((pointer) => pointer.slice(1)).join(", ") || t.same}</span>
                </button>
              </li>
            ))}
          </ol>
          <div class="stack">
            <section class="card">
              <header class="card-head"><h2>{t.against}</h2></header>
              <div class="card-body table-scroll"><Diff key={`a${shown.revision}`} name={name} revision={shown.revision} against={undefined} /></div>
            </section>
            {(current === null || shown.revision !== newest) && (
              <section class="card">
                <header class="card-head"><h2>{t.toNow}</h2><Button size="small" tone="primary" icon="history" busy={busy} disabled={!shown.valid} onClick={() => void restore(shown.revision)}>{t.restore}</Button></header>
                {shown.revision !== newest && <div class="card-body table-scroll"><Diff key={`b${shown.revision}`} name={name} revision={shown.revision} against={newest} /></div>}
              </section>
            )}
          </div>
        </div>
      );
    }}</Loaded>
  );
}
