// app/banners.tsx: what stands above every page because it bears on all of it: no connection, a store that is away, the
// alarms of the fleet.
import {call} from "../api/client.ts";
import type {Alarm} from "../api/schema.ts";
import {plural, texts} from "../i18n/language.ts";
import {wholeDuration} from "../i18n/format.ts";
import {second} from "../live/clock.ts";
import {connection, storeAway} from "../live/live.ts";
import {useResource} from "../live/resource.ts";
import {Icon} from "../ui/icons.tsx";
import {useSaid} from "../ui/said.tsx";
import {href} from "./router.ts";

const t = texts({
  en: {
    lost: "No connection to the server. What you see is as it was; the page goes on by itself.",
    store: "The coordination store is away: lists show the last known state, changes are not possible now. Workers go on with what they know.",
    history: "The history is away: runs that are over are missing here for now. Workers keep their records on disk until it is back.",
    workers: "No worker is up: nothing will run.",
    clock: (nodes: string) => `The clock is not to be trusted on ${nodes}; nothing new starts there.`,
    ownClock: "The clock of this server is not to be trusted; it refuses changes that move firings.",
    more: (n: number) => plural(n, {one: "1 alarm", other: "{n} alarms"}), look: "What to do",
  },
  zh: {
    lost: "与服务器的连接已中断。当前显示的是之前的状态,恢复后页面会自动继续。",
    store: "协调存储不可用:列表显示最后已知的状态,暂时无法更改。执行节点按已知任务继续工作。",
    history: "历史存储不可用:已结束的运行暂时不显示。执行节点会把记录保存在磁盘上直到恢复。",
    workers: "没有执行节点在线:不会有任何运行。",
    clock: (nodes) => `${nodes} 的时钟不可信;那里不会启动新的运行。`,
    ownClock: "本服务器的时钟不可信;它会拒绝改变触发时间的修改。",
    more: (n) => `${n} 个告警`, look: "如何处理",
  },
});

// Which alarm says it in the console's own words; the others speak for themselves.
function sentences(alarms: readonly Alarm[]): {key: string; text: string; bad: boolean}[] {
  const has = (code: Alarm["code"]) => alarms.some((alarm) => alarm.code === code);
  const said: {key: string; text: string; bad: boolean}[] = [];
  if (has("history_away")) said.push({key: "history", text: t.history, bad: true});
  if (has("no_workers")) said.push({key: "workers", text: t.workers, bad: true});
  const suspects = alarms.filter((alarm) => alarm.code === "clock_suspect"), clocks = suspects.flatMap((alarm) => alarm.node || []);
  const rest = clocks.length - 3;
  if (clocks.length > 0) said.push({key: "clock", text: t.clock(clocks.slice(0, 3).join(", ") + (rest > 0 ? ` +${rest}` : "")), bad: false});
  if (suspects.length > clocks.length) said.push({key: "own clock", text: t.ownClock, bad: false});
  return said;
}

export function useAlarms() {
  return useResource("alarms", (signal) => call("list_alarms", {signal}), {topics: ["alarms", "workers"], pace: 2_000, every: 2_500});
}

export function Banners() {
  const alarms = useAlarms();
  const list = alarms.kind === "ready" ? alarms.data.items : [];
  const other = list.filter((alarm) => !["history_away", "no_workers", "clock_suspect", "store_away"].includes(alarm.code));
  // How many, not which: what one says may have another figure each time.
  useSaid(other.length > 0 ? t.more(other.length) : "");
  if (connection.value.kind === "away") {
    void second.value;  // counts up
    const lasted = Math.max(0, Date.now() - connection.value.since);
    return <div class="banner bad" role="alert"><Icon name="warning" /><span>{t.lost}</span>{lasted >= 3_000 && <span class="num" aria-hidden="true">{wholeDuration(lasted)}</span>}</div>;
  }
  const away = storeAway.value || list.some((alarm) => alarm.code === "store_away");
  const said = sentences(list);
  return (
    <>
      {away && <div class="banner bad" role="alert"><Icon name="warning" />{t.store}</div>}
      {said.map(({key, text, bad}) => (
        <div key={key} class={`banner ${bad ? "bad" : "late"}`} role="alert"><Icon name="warning" /><span>{text}</span><a href={href.system()}>{t.look}</a></div>
      ))}
      {!away && other.length > 0 && (
        <div class="banner late">
          <Icon name="warning" />
          <span class="clip"><strong>{t.more(other.length)}</strong> · {other[0]?.detail}</span>
          <a href={href.system()}>{t.look}</a>
        </div>
      )}
    </>
  );
}
