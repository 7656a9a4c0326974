// app/common.ts: what comes with the first load, in one chunk. build.mjs puts it in front of every page, so that esbuild sees
// it as shared by all; without that it would make a chunk for each set of pages that share something, some forty in all,
// which weigh a fifth more and cost a request each. Add what most pages need, while the first load keeps its budget.
import "./shell.tsx";
import "./title.ts";
import "../jobs/actions.ts";
import "../jobs/first_job.tsx";
import "../jobs/glance.ts";
import "../jobs/result_strip.tsx";
import "../jobs/state_mark.tsx";
import "../ui/as_command.tsx";
import "../ui/ask_dialog.tsx";
import "../ui/filter_box.tsx";
import "../ui/later.tsx";
import "../ui/run_pages.tsx";
import "../ui/tabs.tsx";
import "../ui/time.tsx";
import "../ui/width.ts";
