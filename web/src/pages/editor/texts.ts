// pages/editor/texts.ts: the words of the editor.
import {number} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";

export const t = texts({
  en: {
    newTitle: "New job", editTitle: (name: string) => `Edit ${name}`, save: "Save", saveRun: "Save and run now", discard: "Discard changes",
    kept: "Unsaved changes are kept in this browser.", again: (when: string) => `Your unsaved changes from ${when} are here again.`, saved: (name: string) => `${name} is saved`, nothing: "Nothing has changed",
    about: "What it is", when: "When it runs", what: "What it runs", reliability: "Reliability", execution: "Execution",
    nameHint: "Any script, spaces inside; none of / : @ # ? %", ownerHint: "who answers for it", labelsHint: "name=value, one in each line",
    expression: "Cron expression", presets: "Presets", chooseZone: "Choose", means: "What it means", json: "JSON", next: "Next firings", yours: "your time",
    shell: "Shell", argv: "Program and arguments", argvHint: "one argument in each line; no shell looks at them", runs: "Runs as",
    overlap: "If it is due while it still runs", forbid: "skip the new firing", allow: "run beside it", replace: "end the old run", queue: "wait in a queue of", misfire: "If nobody could start it in time", runOnce: "run the newest once", skip: "skip them", runAll: "run all, at most",
    catchUp: "Catch up at most", startDeadline: "Start deadline", startDeadlineHint: "later than this after its instant a firing is missed", jitter: "Spread starts over", jitterHint: "a fixed delay for each firing", timeout: "Timeout", timeoutHint: "then TERM, grace, KILL", none: "none", grace: "Kill grace",
    retries: "Retries after a failure", delay: "Delay", factor: "Factor", delayMax: "Longest delay", exitCodes: "Only for exit codes", exitCodesHint: "empty: any failure", delivery: "If its worker is lost", once: "do not run it again", again2: "try again, attempts in all",
    env: "Environment", envHint: "NAME=value, one in each line", directory: "Working directory", user: "User", userHint: "needs a service that may switch users", umask: "Umask", output: "Output kept, bytes", where: "Only on workers with", whereHint: "zone=eu, disk=ssd,nvme, gpu!=true: one in each line", limits: "Limits", shellWith: "Shell command",
    from: "First firing not before", until: "No firing from", enabledWord: "Enabled", enabledHint: "off: no firings, hence no records", usual: "as usual",
    dense: (n: number) => plural(n, {one: "about 1 firing an hour", other: "about {n} firings an hour"}), density: "The next 7 days, by hour", never: "It never fires.", collisions: (n: number, jobs: string) => `${plural(n, {one: "1 other job fires", other: "{n} other jobs fire"})} in the same second: ${jobs}. H in place of a number spreads jobs.`,
    nextWas: "Next firing", was: "was", becomes: "will be", unchangedNext: "stays", underWay: (n: number) => plural(n, {one: "1 run under way goes on as it began", other: "{n} runs under way go on as they began"}),
    changes: (keys: string) => `Changed: ${keys}`, checking: "checking…", fits: "The server would take it", exists: "A job of this name exists already. Choose another name, or edit that one.", needName: "It needs a name.", needCommand: "A command is still missing", badJson: (where: string) => `This is no JSON: ${where}`,
    conflictTitle: "Somebody else has changed this job", conflictAbout: "Your changes and theirs are below. What only one side has changed is merged; choose where both have.", theirs: "theirs", mine: "yours", base: "before", takenOver: (keys: string) => `Taken over from them: ${keys}`, saveMerged: "Save the merged job", keepEditing: "Keep editing", absent: "absent",
    gone: "This job was deleted meanwhile. Saving brings it back with your changes.", spread: "at some minute of its own", everyMinutes: "every 5 minutes", hourly: "every hour", daily: "every day at 02:00", weekdays: "Monday to Friday at 09:00", weekly: "every Monday at 06:00", monthly: "on the first of the month at 04:15", lastDay: "on the last day of the month at 23:00", spreadDaily: "every day, at an hour and minute of its own",
    testDry: "Everything that you type is judged by the server in a dry run.", cli: "From a terminal", notes: "Clock changes",
  },
  zh: {
    newTitle: "新建任务", editTitle: (name) => `编辑 ${name}`, save: "保存", saveRun: "保存并立即运行", discard: "放弃更改",
    kept: "未保存的更改已保留在本浏览器中。", again: (when) => `您 ${when} 的未保存更改已恢复。`, saved: (name) => `${name} 已保存`, nothing: "没有更改",
    about: "基本信息", when: "何时运行", what: "运行什么", reliability: "可靠性", execution: "执行环境",
    nameHint: "任意文字,可含空格;不可含 / : @ # ? %", ownerHint: "对它负责的人或团队", labelsHint: "名称=值,每行一个",
    expression: "Cron 表达式", presets: "预设", chooseZone: "选择", means: "含义", json: "JSON", next: "接下来的触发", yours: "您的时间",
    shell: "Shell", argv: "程序和参数", argvHint: "每行一个参数;不经过 shell", runs: "实际执行",
    overlap: "到期时上一次仍在运行", forbid: "跳过新的触发", allow: "同时运行", replace: "结束旧的运行", queue: "排队等待,队列长度", misfire: "未能按时启动", runOnce: "只补跑最新一次", skip: "全部跳过", runAll: "全部补跑,最多",
    catchUp: "最多补跑", startDeadline: "启动期限", startDeadlineHint: "超过此时间仍未启动则记为错过", jitter: "分散启动", jitterHint: "每次触发固定的延迟", timeout: "超时", timeoutHint: "然后 TERM、宽限、KILL", none: "无", grace: "终止宽限期",
    retries: "失败后重试次数", delay: "延迟", factor: "倍数", delayMax: "最长延迟", exitCodes: "仅限退出码", exitCodesHint: "空:任何失败", delivery: "执行节点丢失时", once: "不再运行", again2: "重新尝试,总次数",
    env: "环境变量", envHint: "名称=值,每行一个", directory: "工作目录", user: "用户", userHint: "需要服务有权切换用户", umask: "Umask", output: "保留的输出字节数", where: "仅在具有以下标签的节点", whereHint: "zone=eu、disk=ssd,nvme、gpu!=true:每行一个", limits: "限制", shellWith: "Shell 命令",
    from: "首次触发不早于", until: "从此不再触发", enabledWord: "启用", enabledHint: "关闭:不触发,也没有记录", usual: "默认",
    dense: (n) => `每小时约 ${number(n)} 次触发`, density: "未来 7 天(按小时)", never: "它永远不会触发。", collisions: (n, jobs) => `另有 ${number(n)} 个任务在同一秒触发:${jobs}。用 H 代替数字可分散任务。`,
    nextWas: "下次触发", was: "原为", becomes: "将为", unchangedNext: "不变", underWay: (n) => `${number(n)} 次正在进行的运行会照原样继续`,
    changes: (keys) => `已更改:${keys}`, checking: "检查中…", fits: "服务器可以接受", exists: "已有同名任务。请更换名称,或编辑该任务。", needName: "需要一个名称。", needCommand: "还缺少命令", badJson: (where) => `不是有效的 JSON:${where}`,
    conflictTitle: "其他人已更改此任务", conflictAbout: "下面是您和对方的更改。只有一方更改的已合并;双方都更改的请选择。", theirs: "对方", mine: "您的", base: "之前", takenOver: (keys) => `已采用对方的更改:${keys}`, saveMerged: "保存合并后的任务", keepEditing: "继续编辑", absent: "无",
    gone: "此任务在此期间已被删除。保存将连同您的更改恢复它。", spread: "在各自的分钟", everyMinutes: "每 5 分钟", hourly: "每小时", daily: "每天 02:00", weekdays: "周一至周五 09:00", weekly: "每周一 06:00", monthly: "每月 1 日 04:15", lastDay: "每月最后一天 23:00", spreadDaily: "每天,在各自的时刻",
    testDry: "您输入的内容都会由服务器以试运行方式检查。", cli: "在终端中", notes: "时钟调整",
  },
});
