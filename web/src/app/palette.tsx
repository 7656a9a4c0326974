// app/palette.tsx: Ctrl-K: every action and every object by name. Jobs and workers are asked of the server as one types.
import {useEffect, useRef, useState} from "preact/hooks";
import {call, isAbort} from "../api/client.ts";
import {texts} from "../i18n/language.ts";
import {Icon} from "../ui/icons.tsx";
import {words} from "../ui/words.ts";
import {commands, paletteOpen, singleKeys, type Command} from "./commands.ts";
import {href, navigate} from "./router.ts";

const t = texts({
  en: {
    placeholder: "Search jobs, workers and actions", page: "On this page", nothing: "Nothing is called that",
    all: (text: string) => `All jobs with "${text}"`, keysOn: "Switch single-key shortcuts on", keysOff: "Switch single-key shortcuts off",
  },
  zh: {
    placeholder: "搜索任务、执行节点和操作", page: "本页", nothing: "没有匹配项",
    all: (text) => `包含“${text}”的所有任务`, keysOn: "启用单键快捷键", keysOff: "停用单键快捷键",
  },
});

function useFound(text: string): Command[] {
  const [found, setFound] = useState<Command[]>([]);
  useEffect(() => {
    if (!text) return setFound([]);
    const ended = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const signal = ended.signal;
        const [jobs, workers] = await Promise.all([
          call("list_jobs", {query: {text, limit: 8, stale: "ok"}, signal}),
          call("list_workers", {query: {stale: "ok"}, signal}),
        ]);
        const low = text.toLowerCase();
        setFound([
          ...jobs.items.map((job): Command => ({
            id: `job ${job.name}`, label: job.name, icon: "jobs", group: words.jobs, act: () => navigate(href.job(job.name)),
          })),
          ...(jobs.total > 8 ? [{id: "all", label: t.all(text), icon: "filter" as const, group: words.jobs, act: () => navigate(href.jobs({filter: text}))}] : []),
          ...workers.items.filter((worker) => worker.node.toLowerCase().includes(low)).slice(0, 5).map((worker): Command => ({
            id: `worker ${worker.node}`, label: worker.node, icon: "workers", group: words.workers, act: () => navigate(href.worker(worker.node)),
          })),
        ]);
      } catch (error) {
        if (!isAbort(error)) setFound([]);  // the connection dot says why
      }
    }, 120);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [text]);
  return found;
}

export function Palette() {
  return paletteOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = useFound(text.trim());
  const close = () => (paletteOpen.value = false);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => {
      if (before?.isConnected) before.focus();
    };
  }, []);
  const asked = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const own: Command[] = [
    ...commands(),
    {id: "keys", label: singleKeys.value ? t.keysOff : t.keysOn, icon: "keyboard", group: words.system, act: () => (singleKeys.value = !singleKeys.value)},
  ];
  const matching = own.filter((one) => asked.every((word) => `${one.label} ${one.words ?? ""}`.toLowerCase().includes(word)));
  const list = text ? [...found, ...matching] : matching;
  const chosen = Math.min(at, list.length - 1);
  const act = (command: Command | undefined) => {
    if (!command) return;
    close();
    command.act();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) {
      event.preventDefault();
      setAt((chosen + step + list.length) % Math.max(1, list.length));
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      act(list[chosen]);
    }
  };
  useEffect(() => {
    dialog.current?.querySelector("[aria-selected=true]")?.scrollIntoView({block: "nearest"});
  }, [chosen]);
  let group = "\0";
  return (
    <dialog ref={dialog} class="palette" aria-label={t.placeholder} onCancel={close} onClose={close}
            onMouseDown={(event) => event.target === event.currentTarget && close()}>
      <div class="palette-field">
        <Icon name="search" />
        <input autofocus role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={list[chosen] ? `palette-${chosen}` : undefined}
               placeholder={t.placeholder} aria-label={t.placeholder} value={text} spellcheck={false} autocomplete="off"
               onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} onKeyDown={onKeyDown} />
        <kbd>Esc</kbd>
      </div>
      <div id="palette-list" class="palette-list" role="listbox" aria-label={t.placeholder}>
        {list.map((command, i) => {
          const heading = command.group || t.page;
          const shows = heading !== group;
          group = heading;
          return (
            <div key={command.id}>
              {shows && <div class="palette-group">{heading}</div>}
              <div id={`palette-${i}`} role="option" aria-selected={i === chosen} class="palette-item"
                   onMouseMove={() => i !== chosen && setAt(i)} onClick={() => act(command)}>
                <Icon name={command.icon} />
                <span class="grow clip">{command.label}</span>
                {command.key && command.key.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}
              </div>
            </div>
          );
        })}
        {list.length === 0 && <div class="palette-none">{t.nothing}</div>}
      </div>
    </dialog>
  );
}
