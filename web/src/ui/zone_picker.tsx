// ui/zone_picker.tsx: a time zone out of the server's list, found by any part of its name.
import {useEffect, useRef, useState} from "preact/hooks";
import {call} from "../api/client.ts";
import {browserZone, clockTime, zoneOffset} from "../i18n/format.ts";
import {texts} from "../i18n/language.ts";
import {second} from "../live/clock.ts";
import {useResource} from "../live/resource.ts";
import {Dialog} from "./dialog.tsx";
import {Loaded} from "./states.tsx";

const t = texts({
  en: {title: "Choose a time zone", placeholder: "City, country or offset", none: "No zone is called that", browser: "this browser"},
  zh: {title: "选择时区", placeholder: "城市、地区或偏移", none: "没有匹配的时区", browser: "本浏览器"},
});
const kShownMax = 60;

export function ZoneDialog({value, onChoose, onClose}: {value: string; onChoose: (zone: string) => void; onClose: () => void}) {
  const zones = useResource("zones", (signal) => call("list_zones", {signal}));
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const asked = text.toLowerCase().replaceAll(" ", "_");
  const matching = (names: readonly string[]) => {
    if (!asked) return [...new Set([value, browserZone, "UTC", ...names])].filter((name) => names.includes(name)).slice(0, kShownMax);
    const byName = names.filter((name) => name.toLowerCase().includes(asked));
    const found = byName.length > 0 || !/^(utc)?[+-−]?\d/.test(asked) ? byName
      : names.filter((name) => zoneOffset(second.value, name).toLowerCase().startsWith(asked.startsWith("utc") ? asked : `utc${/^\d/.test(asked) ? "+" : ""}${asked}`));
    return found.sort((a, b) => Number(b.toLowerCase().split("/").at(-1)?.startsWith(asked)) - Number(a.toLowerCase().split("/").at(-1)?.startsWith(asked))).slice(0, kShownMax);
  };
  const shown = zones.kind === "ready" ? matching(zones.data.items) : [];
  const choose = (zone: string | undefined) => {
    if (!zone) return;
    onChoose(zone);
    onClose();
  };
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({block: "nearest"}), [at]);
  return (
    <Dialog title={t.title} onClose={onClose} onSubmit={() => choose(shown[at])}>
      <input class="input" autofocus type="search" value={text} placeholder={t.placeholder} aria-label={t.placeholder} spellcheck={false} autocomplete="off"
             onInput={(event) => { setText(event.currentTarget.value); setAt(0); }}
             onKeyDown={(event) => {
               const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
               if (!step) return;
               event.preventDefault();
               setAt((at + step + shown.length) % Math.max(1, shown.length));
             }} />
      <Loaded of={zones}>{() => (
        <div ref={list} class="options" role="listbox" aria-label={t.title}>
          {shown.map((name, i) => (
            <button key={name} type="button" role="option" aria-selected={i === at} class="option" onClick={() => choose(name)}>
              <span class="grow clip">{name.replaceAll("_", " ")}{name === browserZone && <span class="dim"> · {t.browser}</span>}</span>
              <span class="dim num">{clockTime(second.value, name).slice(0, 5)} · {zoneOffset(second.value, name)}</span>
            </button>
          ))}
          {shown.length === 0 && <p class="dim">{t.none}</p>}
        </div>
      )}</Loaded>
    </Dialog>
  );
}
