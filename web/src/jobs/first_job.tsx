// jobs/first_job.tsx: what a fleet without jobs shows (UI-62): what a job is, a sample to start from, and the same from a
// terminal or a crontab.
import {useRef, useState} from "preact/hooks";
import {call, newKey, type ApiProblem} from "../api/client.ts";
import {href, navigate} from "../app/router.ts";
import {texts} from "../i18n/language.ts";
import {browserZone} from "../i18n/format.ts";
import {noteOwnChange} from "../live/live.ts";
import {problemOf} from "../live/resource.ts";
import {Button, LinkButton} from "../ui/button.tsx";
import {CopyBox} from "../ui/copy.tsx";
import {ProblemNote} from "../ui/problem.tsx";

const t = texts({
  en: {
    title: "Your first job", about: "A job is a command, and when it runs. Cronfleet runs every firing once, on one of your machines, and keeps what came of it.",
    sample: "Start with a sample", sampleAbout: "Saves a harmless job that says hello every minute, and runs it at once, so that you see a green run in a second.", doSample: "Create the sample and run it",
    own: "Write your own", ownAbout: "A form that explains the schedule while you type and shows when it fires next.", doOwn: "New job",
    cli: "From a terminal", cliAbout: "The same with files that fit into a repository, or from the crontab that you have.",
  },
  zh: {
    title: "第一个任务", about: "任务就是一条命令和它的运行时间。Cronfleet 会在您的某台机器上将每次触发恰好运行一次,并保留结果。",
    sample: "从示例开始", sampleAbout: "保存一个每分钟打招呼的无害任务并立即运行,一秒内即可看到绿色的运行。", doSample: "创建示例并运行",
    own: "自己编写", ownAbout: "表单会在输入时解释计划,并显示接下来何时触发。", doOwn: "新建任务",
    cli: "在终端中", cliAbout: "用可放入代码仓库的文件,或您已有的 crontab 实现同样的效果。",
  },
});

export function FirstJob() {
  const key = useRef(newKey());
  const [busy, setBusy] = useState(false), [problem, setProblem] = useState<ApiProblem | null>(null);
  const create = async () => {
    setBusy(true);
    setProblem(null);
    const name = "hello";
    try {
      await call("put_job", {path: {name}, ifNoneMatch: "*", body: {
        schedule: "* * * * *", time_zone: browserZone, command: "echo \"hello from $CRONFLEET_NODE, run $CRONFLEET_RUN_ID\"", description: "A sample: says hello every minute",
      }});
      const {run_id} = await call("run_job", {path: {name}, body: {reason: "first start"}, idempotencyKey: key.current});
      noteOwnChange(["jobs", "runs"]);
      navigate(href.run(run_id));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <div class="first">
      <header>
        <h1>{t.title}</h1>
        <p class="dim">{t.about}</p>
      </header>
      {problem && <ProblemNote problem={problem} />}
      <div class="first-ways">
        <section class="card">
          <h2>{t.sample}</h2>
          <p class="dim">{t.sampleAbout}</p>
          <Button tone="primary" icon="play" busy={busy} onClick={() => void create()}>{t.doSample}</Button>
        </section>
        <section class="card">
          <h2>{t.own}</h2>
          <p class="dim">{t.ownAbout}</p>
          <LinkButton to={href.newJob()} icon="plus">{t.doOwn}</LinkButton>
        </section>
        <section class="card">
          <h2>{t.cli}</h2>
          <p class="dim">{t.cliAbout}</p>
          <CopyBox text="cronfleet job apply -f job.json" />
        </section>
      </div>
    </div>
  );
}
