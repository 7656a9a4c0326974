// ui/states.tsx: what a list shows when it has nothing to show (UI-80).
//
//   <Loaded of={jobs} rows={8}>{(data) => <Table …/>}</Loaded>
//   <Empty icon="jobs" title="No jobs yet" cli="cronfleet job apply -f job.json">A job is …</Empty>
import type {ComponentChildren} from "preact";
import {useEffect, useState} from "preact/hooks";
import type {Resource} from "../live/resource.ts";
import {CopyBox} from "./copy.tsx";
import {Icon, type IconName} from "./icons.tsx";
import {ProblemNote} from "./problem.tsx";

/** Grey bars, after 200 ms only: what comes at once does not flicker. */
export function Skeleton({rows = 6}: {rows?: number}) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton" aria-busy="true">
      {shown && Array.from({length: rows}, (_, i) => <div key={i} class={`bone bone-${i % 4}`} />)}
    </div>
  );
}

export function Loaded<T>({of, rows, children}: {of: Resource<T>; rows?: number; children: (data: T) => ComponentChildren}) {
  if (of.kind === "loading") return <Skeleton {...(rows ? {rows} : {})} />;
  if (of.kind === "failed") return <ProblemNote problem={of.problem} onRetry={of.refresh} />;
  return (
    <>
      {of.problem && !of.problem.offline && <ProblemNote problem={of.problem} onRetry={of.refresh} />}
      {children(of.data)}
    </>
  );
}

export function Empty({icon, title, children, actions, cli}: {
  icon: IconName; title: string; children?: ComponentChildren; actions?: ComponentChildren; cli?: string;
}) {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} size={22} /></span>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div class="empty-actions">{actions}</div>}
      {cli && <CopyBox text={cli} />}
    </div>
  );
}

/** Something that the reader should know, in place. */
export function Note({tone = "info", children}: {tone?: "info" | "late" | "bad" | "good"; children: ComponentChildren}) {
  return (
    <div class={`note ${tone}`}>
      <Icon name={tone === "info" ? "info" : tone === "good" ? "check" : "warning"} />
      <div class="note-body">{children}</div>
    </div>
  );
}
