// app/shell.tsx: what stands around every page (UI-10), and the page itself.
import {Component, type ComponentChildren} from "preact";
import {useEffect} from "preact/hooks";
import {call} from "../api/client.ts";
import {clockTime, browserZone, chosenZone, fullTime, viewerZone, wholeDuration, zoneOffset} from "../i18n/format.ts";
import {language, pseudo, texts} from "../i18n/language.ts";
import {second} from "../live/clock.ts";
import {connection, storeAway, streamSilent} from "../live/live.ts";
import {problemOf, useResource} from "../live/resource.ts";
import {OpenedDialogs, openDialog} from "../ui/dialog.tsx";
import {Icon} from "../ui/icons.tsx";
import {Menu} from "../ui/menu.tsx";
import {ProblemNote} from "../ui/problem.tsx";
import {Said} from "../ui/said.tsx";
import {Toasts} from "../ui/toast.tsx";
import {words} from "../ui/words.ts";
import {ZoneDialog} from "../ui/zone_picker.tsx";
import {Banners} from "./banners.tsx";
import {addCommands, paletteOpen, type Command} from "./commands.ts";
import {ShortcutsDialog} from "./shortcuts.tsx";
import {Palette} from "./palette.tsx";
import {pages, rail, type Page} from "./pages.ts";
import {href, matchPath, navigate, place} from "./router.ts";
import {theme, type Theme} from "./theme.ts";

const t = texts({
  en: {
    skip: "To the content", search: "Search", main: "Main", live: "live", connecting: "connecting", stale: "stale",
    liveAbout: "Changes arrive as they happen", staleAbout: "Changes do not come through; this is the last known state",
    lost: (since: string) => `no connection for ${since}`, zone: "Time zone", otherZone: "Another zone…", browser: "this browser",
    language: "Language", theme: "Theme", light: "Light", dark: "Dark", system: "As the system",
    go: (name: string) => `Go to ${name}`, newJob: "New job", help: "Keyboard shortcuts", places: "Go to", settings: "Settings",
    notFound: "There is no such page", notFoundText: "The address leads nowhere. Perhaps a part of it was cut off.",
  },
  zh: {
    skip: "跳到内容", search: "搜索", main: "主导航", live: "实时", connecting: "连接中", stale: "过期",
    liveAbout: "变化会即时显示", staleAbout: "变化无法送达;这是最后已知的状态",
    lost: (since) => `连接中断 ${since}`, zone: "时区", otherZone: "其他时区…", browser: "本浏览器",
    language: "语言", theme: "主题", light: "浅色", dark: "深色", system: "跟随系统",
    go: (name) => `前往${name}`, newJob: "新建任务", help: "键盘快捷键", places: "前往", settings: "设置",
    notFound: "没有这个页面", notFoundText: "此地址没有内容,可能缺少了一部分。",
  },
});

function ConnectionDot() {
  const now = connection.value;
  if (now.kind === "away") void second.value;  // counts up
  const since = now.kind === "away" ? wholeDuration(Math.max(0, Date.now() - now.since)) : "";
  const kind = now.kind === "live" && (storeAway.value || streamSilent.value) ? "stale" : now.kind;
  const word = kind === "away" ? t.lost(since) : kind === "stale" ? t.stale : kind === "live" ? t.live : t.connecting;
  return (
    <span class={`connection is-${kind}`} title={kind === "live" ? t.liveAbout : kind === "stale" ? t.staleAbout : word}>
      <span class="dot" aria-hidden="true" />
      <span class="connection-word">{word}</span>
    </span>
  );
}

const kThemes: readonly Theme[] = ["light", "dark", "system"];

function Clock() {
  const zone = viewerZone();
  const choose = (name: string) => () => (chosenZone.value = name);
  const near = [...new Set([browserZone, "UTC", zone])];
  return (
    <Menu label={`${t.zone}: ${zone}`} class="bare clock" items={[
      ...near.map((name) => ({
        label: name === browserZone ? `${name} · ${t.browser}` : name, hint: zoneOffset(second.value, name),
        chosen: name === zone, action: choose(name === browserZone ? "" : name),
      })),
      {label: t.otherZone, separate: true, action: () => openDialog((close) => <ZoneDialog value={zone} onChoose={(name) => (chosenZone.value = name)} onClose={close} />)},
    ]}>
      <Icon name="clock" />
      <span class="clock-time ticking" title={fullTime(second.value)}>{clockTime(second.value)}</span>
      <span class="clock-zone">{zone === "UTC" ? "UTC" : zoneOffset(second.value)}</span>
    </Menu>
  );
}

function TopBar() {
  const themeWord = {light: t.light, dark: t.dark, system: t.system};
  return (
    <header class="topbar">
      <a class="brand brand-small" href="/" aria-label="Cronfleet"><img src="/icon.svg" alt="" width="22" height="22" /></a>
      <button type="button" class="search" onClick={() => (paletteOpen.value = true)} title={t.search} aria-keyshortcuts="Control+K">
        <Icon name="search" /><span class="grow">{t.search}</span><kbd>Ctrl K</kbd>
      </button>
      <div class="grow" />
      <ConnectionDot />
      <Clock />
      <Menu label={t.language} items={[
        {label: "English", chosen: language.value === "en", action: () => (language.value = "en")},
        {label: "简体中文", chosen: language.value === "zh", action: () => (language.value = "zh")},
      ]}><Icon name="globe" /><span class="wide-only">{language.value === "zh" ? "中文" : "EN"}</span></Menu>
      <Menu label={t.theme} items={kThemes.map((one) => ({label: themeWord[one], chosen: theme.value === one, action: () => (theme.value = one)}))}>
        <Icon name={document.documentElement.dataset.theme === "dark" ? "moon" : "sun"} />
      </Menu>
    </header>
  );
}

function Rail({section}: {section: string}) {
  const system = useResource("system", (signal) => call("system", {query: {stale: "ok"}, signal}));
  return (
    <nav class="rail" aria-label={t.main}>
      <a class="brand" href="/" aria-label="Cronfleet"><img src="/icon.svg" alt="" width="24" height="24" /><span>Cronfleet</span></a>
      {rail.map((entry) => (
        <a key={entry.section} class="rail-link" href={entry.href} aria-current={entry.section === section ? "page" : undefined} title={entry.label()}>
          <Icon name={entry.icon} size={18} /><span>{entry.label()}</span>
        </a>
      ))}
      <a class="rail-new" href={href.newJob()} title={t.newJob}><Icon name="plus" size={18} /><span>{t.newJob}</span></a>
      <div class="grow" />
      {system.kind === "ready" && <div class="rail-foot">{system.data.mode} {system.data.version}</div>}
    </nav>
  );
}

/** A page that throws does not take the shell with it. */
class Guarded extends Component<{path: string; children: ComponentChildren}, {error: unknown; path: string}> {
  override state = {error: null as unknown, path: ""};
  static override getDerivedStateFromError(error: unknown) { return {error}; }
  override componentDidUpdate(before: {path: string}) {
    if (before.path !== this.props.path && this.state.error) this.setState({error: null});
  }
  render() {
    if (!this.state.error) return this.props.children;
    return <ProblemNote problem={problemOf(this.state.error)} onRetry={() => location.reload()} />;
  }
}

function CurrentPage() {
  const {path, query} = place.value;
  let page: Page | undefined, parameters: Record<string, string> = {};
  for (const candidate of pages) {
    const match = matchPath(candidate.pattern, path);
    if (!match) continue;
    page = candidate;
    parameters = match;
    break;
  }
  useEffect(() => {
    document.getElementById("main")?.focus({preventScroll: true});
  }, [path]);
  if (!page) {
    return (
      <div class="empty">
        <span class="empty-icon"><Icon name="warning" size={22} /></span>
        <h1>{t.notFound}</h1>
        <p>{t.notFoundText}</p>
        <div class="empty-actions"><a class="button" href="/">{words.overview}</a></div>
      </div>
    );
  }
  return <page.shown parameters={parameters} query={query} />;
}

export function Shell() {
  const {path} = place.value;
  const section = pages.find((page) => matchPath(page.pattern, path))?.section ?? "";
  useEffect(() => addCommands((): Command[] => [
    {id: "new", label: t.newJob, icon: "plus", key: "n", group: t.places, act: () => navigate(href.newJob())},
    ...rail.map((entry): Command => ({id: `go ${entry.section}`, label: t.go(entry.label()), icon: entry.icon, key: `g ${entry.key}`, group: t.places, act: () => navigate(entry.href)})),
    {id: "search", label: t.search, icon: "search", key: "/", group: t.places, act: () => (paletteOpen.value = true)},
    ...kThemes.map((one): Command => ({id: `theme ${one}`, label: `${t.theme}: ${{light: t.light, dark: t.dark, system: t.system}[one]}`, icon: one === "dark" ? "moon" : "sun", group: t.settings, act: () => (theme.value = one)})),
    {id: "language", label: language.value === "zh" ? "English" : "简体中文", words: "language 语言", icon: "globe", group: t.settings, act: () => (language.value = language.value === "zh" ? "en" : "zh")},
    {id: "pseudo", label: "Pseudo-locale", icon: "globe", group: t.settings, words: "test", act: () => (pseudo.value = !pseudo.value)},
    {id: "help", label: t.help, icon: "keyboard", key: "?", group: t.settings, act: () => openDialog((close) => <ShortcutsDialog onClose={close} />)},
  ]), []);
  return (
    <div class="shell">
      <a class="skip" href="#main">{t.skip}</a>
      <Rail section={section} />
      <div class="column">
        <TopBar />
        <Banners />
        <main id="main" tabIndex={-1}>
          <Guarded path={path}><CurrentPage /></Guarded>
        </main>
      </div>
      <Palette />
      <OpenedDialogs />
      <Toasts />
      <Said />
    </div>
  );
}
