// app/pages.ts: every page: its address, the chunk that has it, and where the rail shows it. A page is a default export
//   export default function JobsPage({parameters, query}: PageProps)
// The first word of each address also stands in src/console/console.cc, which serves the page for it (a test compares).
import type {ComponentType} from "preact";
import type {IconName} from "../ui/icons.tsx";
import {later} from "../ui/later.tsx";
import {words} from "../ui/words.ts";

export interface PageProps {
  parameters: Record<string, string>;  // of the address, decoded
  query: URLSearchParams;
}
export type PageComponent = ComponentType<PageProps>;

export interface Page {
  pattern: string;
  shown: PageComponent;
  section: Section;
}
export type Section = "overview" | "jobs" | "runs" | "calendar" | "workers" | "system";

let more: Promise<void> | null = null;
/** The sheet of all but the first pages; one that cannot be had must not keep a page from being shown. */
function moreStyles(): Promise<void> {
  more ??= new Promise((done) => {
    const link = document.getElementById("more-styles") as HTMLLinkElement;
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = link.href;
    sheet.onload = () => done();
    sheet.onerror = () => {
      more = null;  // the next page tries again
      done();
    };
    document.head.append(sheet);
  });
  return more;
}
const page = (load: () => Promise<{default: PageComponent}>) => later(load, (module) => module.default);
const styled = (load: () => Promise<{default: PageComponent}>) => page(() => Promise.all([load(), moreStyles()]).then(([module]) => module));

const overview = page(() => import("../pages/overview/page.tsx"));
const jobs = page(() => import("../pages/jobs/page.tsx"));
const job = styled(() => import("../pages/job/page.tsx"));
const editor = styled(() => import("../pages/editor/page.tsx"));
const runs = styled(() => import("../pages/runs/page.tsx"));
const run = styled(() => import("../pages/run/page.tsx"));
const calendar = styled(() => import("../pages/calendar/page.tsx"));
const workers = styled(() => import("../pages/workers/page.tsx"));
const system = styled(() => import("../pages/system/page.tsx"));

export const pages: readonly Page[] = [
  {pattern: "/", shown: overview, section: "overview"},
  {pattern: "/jobs", shown: jobs, section: "jobs"},
  {pattern: "/new-job", shown: editor, section: "jobs"},
  {pattern: "/jobs/:name", shown: job, section: "jobs"},
  {pattern: "/jobs/:name/edit", shown: editor, section: "jobs"},
  {pattern: "/jobs/:name/:tab", shown: job, section: "jobs"},
  {pattern: "/runs", shown: runs, section: "runs"},
  {pattern: "/runs/:id", shown: run, section: "runs"},
  {pattern: "/calendar", shown: calendar, section: "calendar"},
  {pattern: "/workers", shown: workers, section: "workers"},
  {pattern: "/workers/:node", shown: workers, section: "workers"},
  {pattern: "/system", shown: system, section: "system"},
];

export const rail: readonly {section: Section; href: string; icon: IconName; key: string; label: () => string}[] = [
  {section: "overview", href: "/", icon: "overview", key: "o", label: () => words.overview},
  {section: "jobs", href: "/jobs", icon: "jobs", key: "j", label: () => words.jobs},
  {section: "runs", href: "/runs", icon: "runs", key: "r", label: () => words.runs},
  {section: "calendar", href: "/calendar", icon: "calendar", key: "c", label: () => words.calendar},
  {section: "workers", href: "/workers", icon: "workers", key: "w", label: () => words.workers},
  {section: "system", href: "/system", icon: "system", key: "s", label: () => words.system},
];
