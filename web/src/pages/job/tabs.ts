// pages/job/tabs.ts: the views behind the summary, one chunk.
export {Definition} from "./definition.tsx";
export {JobRuns} from "./runs_tab.tsx";
export {ScheduleTab} from "./schedule_tab.tsx";
export {Versions} from "./versions.tsx";
