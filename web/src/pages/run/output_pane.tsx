// pages/run/output_pane.tsx: the output as a terminal of lines: only the rows on the screen exist, so 100,000 lines scroll as
// ten do. Follows the end until the reader scrolls up. Every text of the run is a text node (SEC-30).
import type {ComponentChildren} from "preact";
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
import {place, navigate} from "../../app/router.ts";
import {stored} from "../../app/stored.ts";
import {useCommands} from "../../app/commands.ts";
import {bytes, clockTime, number} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {Button, IconButton} from "../../ui/button.tsx";
import {Copy} from "../../ui/copy.tsx";
import {Icon} from "../../ui/icons.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {say, useSaid} from "../../ui/said.tsx";
import {breaks, classesOf, plainText, readLine, type Piece} from "./ansi.ts";
import type {Followed} from "./follow.ts";
import {findLines, lineAtRow, lineLink, readLineLink, type Line} from "./lines.ts";

const t = texts({
  en: {
    title: "Output", find: "Search the output", count: (at: string, of: string) => `${at} of ${of}`, none: "no match", before: "Previous match", after: "Next match",
    follow: "Follow", times: "Times", wrap: "Wrap", announce: "Read out", raw: "Raw", end: "To the end",
    more: (n: number) => plural(n, {one: "1 new line", other: "{n} new lines"}), gap: (n: string) => `${n} not kept`, gapAbout: "The middle of long output is left out: the job keeps head and tail (output_bytes_max).",
    nothing: "It wrote nothing.", yet: "Nothing written yet.", lines: (n: number) => plural(n, {one: "1 line", other: "{n} lines"}), line: (n: string) => `Line ${n}`,
    came: (n: number) => plural(n, {one: "1 new line of output", other: "{n} new lines of output"}), stderr: "standard error",
  },
  zh: {
    title: "输出", find: "搜索输出", count: (at, of) => `第 ${at} 个,共 ${of} 个`, none: "无匹配", before: "上一个匹配", after: "下一个匹配",
    follow: "跟随", times: "时间", wrap: "换行", announce: "朗读", raw: "原文", end: "到末尾",
    more: (n) => `${n} 行新输出`, gap: (n) => `${n} 未保留`, gapAbout: "长输出的中间部分被省略:任务只保留开头和结尾(output_bytes_max)。",
    nothing: "没有任何输出。", yet: "尚无输出。", lines: (n) => `${number(n)} 行`, line: (n) => `第 ${n} 行`,
    came: (n) => `${n} 行新输出`, stderr: "标准错误",
  },
});

const kRow = 20, kOver = 20, kPrinted = 5_000;
const showTimes = stored<boolean>("output.times", false);
const wrapLines = stored<boolean>("output.wrap", true);
const announceLines = stored<boolean>("output.announce", false);

/** Where each line begins when it is broken at `width` cells; the last entry is the number of rows. */
function useRows(lines: readonly Line[], version: number, width: number): Uint32Array {
  const kept = useRef({width: -1, count: 0, starts: new Uint32Array(1024), of: lines});
  return useMemo(() => {
    const now = kept.current;
    if (now.width !== width || now.of !== lines) Object.assign(now, {width, count: 0, of: lines});
    if (now.starts.length < lines.length + 1) {
      const grown = new Uint32Array(lines.length * 2 + 1024);
      grown.set(now.starts.subarray(0, now.count + 1));
      now.starts = grown;
    }
    // The last ones may have grown: a line of each stream can still be open.
    for (let i = Math.max(0, now.count - 2); i < lines.length; ++i) {
      const text = (lines[i] as Line).text;
      const rows = width <= 0 || text.length <= width / 2 ? 1 : breaks(plainText(text), width).length;
      now.starts[i + 1] = (now.starts[i] as number) + rows;
    }
    now.count = lines.length;
    return now.starts;
  }, [lines, lines.length, version, width]);  // rendered for another reason, lines may be there before their version is
}

function marked(text: string, asked: string): ComponentChildren {
  if (!asked) return text;
  const exact = asked !== asked.toLowerCase(), within = exact ? text : text.toLowerCase();
  const parts: ComponentChildren[] = [];
  let from = 0;
  for (let at = within.indexOf(asked); at >= 0; at = within.indexOf(asked, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + asked.length)}</mark>);
    from = at + asked.length;
  }
  return from === 0 ? text : [...parts, text.slice(from)];
}

/** The part of a line's pieces that lies in [from, to) of its text. */
function slice(pieces: readonly Piece[], from: number, to: number): Piece[] {
  const cut: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const text = piece.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (text) cut.push({text, look: piece.look});
    at += piece.text.length;
  }
  return cut;
}

export function OutputPane({followed, live, rawHref}: {followed: Followed; live: boolean; rawHref: string}) {
  const {output, version, state, problem} = followed;
  const lines = output.lines;
  const pane = useRef<HTMLDivElement>(null), probe = useRef<HTMLSpanElement>(null), field = useRef<HTMLInputElement>(null);
  const [view, setView] = useState({top: 0, height: 600, cells: 0});
  const [following, setFollowing] = useState(live);
  const [seen, setSeen] = useState(0);
  const [asked, setAsked] = useState(""), [match, setMatch] = useState(0);
  const needle = asked.trim() === "" ? "" : asked;
  const wrap = wrapLines.value, times = showTimes.value;
  const starts = useRows(lines, version, wrap ? view.cells : 0);
  const rows = starts[lines.length] ?? 0;
  const digits = Math.max(3, String(lines.length).length);
  const {hash} = place.value, chosen = readLineLink(hash);

  // What is seen: where it is scrolled to and how many cells fit into a row.
  useLayoutEffect(() => {
    const box = pane.current as HTMLDivElement;
    const measure = () => {
      const cell = (probe.current as HTMLSpanElement).getBoundingClientRect().width / 20;
      const gutter = (digits + 5 + (times ? 13 : 0)) * cell + 14;
      const cells = Math.max(20, Math.floor((box.clientWidth - gutter) / cell));
      setView((now) => (now.height === box.clientHeight && now.cells === cells ? now : {...now, height: box.clientHeight, cells}));
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(box);
    return () => watcher.disconnect();
  }, [digits, times]);
  // Paper does not scroll: it gets every row, up to kPrinted.
  const [paper, setPaper] = useState(false);
  useEffect(() => {
    // The events of a print come before it is laid out; a preview that is only looked at has the media alone.
    const printed = matchMedia("print"), look = (event: Event) => setPaper(event.type === "beforeprint" || (event.type === "change" && printed.matches));
    printed.addEventListener("change", look);
    for (const type of ["beforeprint", "afterprint"]) addEventListener(type, look);
    return () => {
      printed.removeEventListener("change", look);
      for (const type of ["beforeprint", "afterprint"]) removeEventListener(type, look);
    };
  }, []);
  const onScroll = () => {
    const box = pane.current;
    if (!box) return;  // the event was under way when the page was left
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - kRow;
    setFollowing((now) => (now !== atEnd && live ? atEnd : now));
    setView((now) => (Math.abs(now.top - box.scrollTop) < kRow && !atEnd ? now : {...now, top: box.scrollTop}));
  };
  const toRow = (row: number) => pane.current?.scrollTo({top: Math.max(0, row * kRow - view.height / 2)});
  const toEnd = () => pane.current?.scrollTo({top: pane.current.scrollHeight});
  useLayoutEffect(() => {
    if (following) {
      toEnd();
      setSeen(lines.length);
    }
  }, [version, following, rows]);

  // A link to lines, once they are there.
  const arrived = useRef(""), laidOut = lines.length;  // there may be more, and another link, by the time the effect runs
  useEffect(() => {
    if (!chosen || arrived.current === hash || chosen.from > laidOut) return;
    if (!arrived.current || !pane.current?.contains(document.activeElement)) {
      setFollowing(false);
      pane.current?.scrollIntoView({block: "nearest"});
      toRow(starts[chosen.from - 1] ?? 0);
    }
    arrived.current = hash;
  }, [hash, version]);
  const choose = (line: number, extend: boolean) => {
    const link = extend && chosen ? lineLink(chosen.from === line ? chosen.to : chosen.from, line) : lineLink(line);
    arrived.current = link;
    navigate(location.pathname + location.search + link, "replace");
  };

  const found = useMemo(() => findLines(lines, needle), [lines, needle, version]);
  const hits = found.length > 0 ? t.count(number(match + 1), number(found.length)) : t.none;
  useSaid(needle && hits);
  const toMatch = (to: number) => {
    if (found.length === 0) return;
    const at = (to + found.length) % found.length;
    setMatch(at);
    setFollowing(false);
    toRow(starts[found[at] as number] as number);
  };
  useEffect(() => {
    if (needle) toMatch(0);
  }, [needle]);
  useCommands(() => [
    {id: "output.find", label: t.find, icon: "search", key: "f", act: () => field.current?.focus()},
    {id: "output.end", label: t.end, icon: "down", key: "G", act: toEnd},
  ], []);

  const shown: ComponentChildren[] = [];
  const firstRow = paper ? 0 : Math.max(0, Math.floor(view.top / kRow) - kOver), lastRow = Math.min(rows, paper ? kPrinted : Math.ceil((view.top + view.height) / kRow) + kOver);
  if (lines.length > 0) {
    let line = lineAtRow(starts, lines.length, firstRow);
    const current = found[match];
    for (let row = starts[line] as number; row < lastRow && line < lines.length; ++line) {
      const one = lines[line] as Line, count = (starts[line + 1] as number) - row;
      if (one.stream === "gap") {
        shown.push(<div key={`g${line}`} class="out-gap" style={{top: `${row * kRow}px`}} title={t.gapAbout}><Icon name="more" />{t.gap(bytes(one.gap))}</div>);
      } else {
        const {pieces} = readLine(one.text, one.start);
        const cuts = count > 1 ? breaks(pieces.map((piece) => piece.text).join(""), view.cells) : [0];
        const isChosen = chosen !== null && line + 1 >= chosen.from && line + 1 <= chosen.to;
        for (let part = 0; part < count; ++part) {
          if (row + part < firstRow || row + part >= lastRow) continue;
          const within = count > 1 ? slice(pieces, cuts[part] ?? 0, cuts[part + 1] ?? Infinity) : pieces;
          const number_ = line + 1;
          shown.push(
            <div key={`${line}.${part}`} class={`out-row${one.stream === "stderr" ? " err" : ""}${isChosen ? " chosen" : ""}${line === current && needle ? " match" : ""}`} style={{top: `${(row + part) * kRow}px`}}>
              {part === 0
                ? <a class="out-number" href={lineLink(number_)} aria-label={t.line(number(number_))} tabIndex={-1} style={{width: `${digits + 1}ch`}}
                     onClick={(event) => { event.preventDefault(); choose(number_, event.shiftKey); }}>{number_}</a>
                : <span class="out-number" style={{width: `${digits + 1}ch`}} />}
              <span class="out-stream" title={one.stream === "stderr" ? t.stderr : undefined}>{one.stream === "stderr" && part === 0 ? "E" : ""}</span>
              {times && <span class="out-time">{part === 0 && one.at ? `${clockTime(one.at)}.${one.at.slice(20, 23)}` : ""}</span>}
              <span class="out-text">{within.map((piece, i) => <span key={i} class={classesOf(piece.look) || undefined}>{marked(piece.text, needle)}</span>)}</span>
            </div>,
          );
        }
      }
      row += count;
    }
  }
  const fresh = following || !live ? 0 : Math.max(0, lines.length - seen);
  return (
    <section class="card out">
      <div class="card-head out-head">
        <h2>{t.title} <span class="dim small-text">{t.lines(lines.length)}{output.bytes > 0 && ` · ${bytes(output.bytes + output.dropped)}`}</span></h2>
        <div class="out-find">
          <Icon name="search" />
          <input ref={field} type="search" class="out-field" value={asked} placeholder={t.find} aria-label={t.find} spellcheck={false} autocomplete="off"
                 onInput={(event) => setAsked(event.currentTarget.value)}
                 onKeyDown={(event) => {
                   if (event.key === "Enter") {
                     event.preventDefault();
                     toMatch(match + (event.shiftKey ? -1 : 1));
                   } else if (event.key === "Escape") setAsked("");
                 }} />
          {needle && <span class="dim small-text num">{hits}</span>}
          {needle && <><IconButton icon="up" size="small" label={t.before} onClick={() => toMatch(match - 1)} /><IconButton icon="down" size="small" label={t.after} onClick={() => toMatch(match + 1)} /></>}
        </div>
        <div class="out-switches">
          {chosen && <Copy text={location.href} shown={hash.slice(1)} />}
          {live && <Switch label={t.follow} on={following} set={(on) => { setFollowing(on); if (on) toEnd(); }} />}
          <Switch label={t.times} on={times} set={(on) => (showTimes.value = on)} />
          <Switch label={t.wrap} on={wrap} set={(on) => (wrapLines.value = on)} />
          {live && <Switch label={t.announce} on={announceLines.value} set={(on) => (announceLines.value = on)} />}
          <a class="button small" href={rawHref} download><Icon name="download" />{t.raw}</a>
        </div>
      </div>
      {problem && <div class="card-body"><ProblemNote problem={problem} onRetry={followed.retry} /></div>}
      <div class="out-frame">
        <div ref={pane} class={`out-pane${wrap ? " wrapped" : ""}`} role="region" aria-label={t.title} tabIndex={0} onScroll={onScroll}>
          <span ref={probe} class="out-probe" aria-hidden="true">00000000000000000000</span>
          {lines.length === 0 && state !== "loading" && <p class="dim out-nothing">{state === "over" ? t.nothing : t.yet}</p>}
          <div class="out-rows" style={{height: `${rows * kRow}px`}}>{shown}{paper && rows > kPrinted && <div class="out-gap">{t.lines(lines.length)}: {t.raw}</div>}</div>
        </div>
        {fresh > 0 && <Button size="small" icon="down" tone="primary" class="out-pill" onClick={() => { setFollowing(live); toEnd(); setSeen(lines.length); }}>{t.more(fresh)}</Button>}
      </div>
      {announceLines.value && <Announcer lines={lines.length} />}
    </section>
  );
}

function Switch({label, on, set}: {label: string; on: boolean; set: (on: boolean) => void}) {
  return <button type="button" class={`button small out-switch${on ? " on" : ""}`} aria-pressed={on} onClick={() => set(!on)}>{on && <Icon name="check" size={13} />}{label}</button>;
}

/** Tells a screen reader how much has come. */
function Announcer({lines}: {lines: number}) {
  const now = useRef(lines);
  now.current = lines;
  useEffect(() => {
    let told = now.current;
    const timer = setInterval(() => {
      if (now.current > told) say(t.came(now.current - told));
      told = now.current;
    }, 5_000);
    return () => clearInterval(timer);
  }, []);
  return null;
}
