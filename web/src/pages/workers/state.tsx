// pages/workers/state.tsx: how a worker is, in a word and a mark; and how full it is.
import type {Worker} from "../../api/schema.ts";
import {texts} from "../../i18n/language.ts";
import type {Tone} from "../../ui/status.tsx";

const t = texts({
  en: {ready: "ready", not_accepting: "not accepting", draining: "draining", drained: "drained", gone: "gone", load: (n: number, of: number) => `${n} of ${of}`},
  zh: {ready: "就绪", not_accepting: "不接受", draining: "排空中", drained: "已排空", gone: "已离线", load: (n, of) => `${n} / ${of}`},
});
const tones: Record<Worker["state"], Tone> = {ready: "good", not_accepting: "late", draining: "busy", drained: "quiet", gone: "bad"};
const glyphs: Record<Worker["state"], string> = {
  ready: "M4.9 8.3l2.2 2.2L11.2 5.9", not_accepting: "M8 4.6v4.2M8 11.2h.01", draining: "M8 4.5v5.5M5.6 8L8 10.6L10.4 8",
  drained: "M6.3 5.2v5.6M9.7 5.2v5.6", gone: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
};

export function WorkerState({worker}: {worker: Worker}) {
  return (
    <span class="status">
      <svg class={`mark tone-${tones[worker.state]} ${worker.state === "drained" ? "hollow" : "solid"}`} width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="7" />
        <path d={glyphs[worker.state]} />
      </svg>
      {t[worker.state]}
    </span>
  );
}

export function Bar({share, tone}: {share: number; tone: Tone}) {
  return (
    <svg width="72" height="8" viewBox="0 0 72 8" aria-hidden="true" class={`tone-${tone}`}>
      <rect class="workers-fill-ground" width="72" height="8" rx="4" />
      {share > 0 && <rect class="workers-fill-part" width={Math.max(8, 72 * Math.min(1, share))} height="8" rx="4" />}
    </svg>
  );
}

export function Fill({running = 0, capacity = 0}: {running?: number | undefined; capacity?: number | undefined}) {
  const share = capacity > 0 ? Math.min(1, running / capacity) : 0;
  return (
    <span class="workers-fill">
      <Bar share={share} tone={share >= 1 ? "late" : "busy"} />
      <span class="num">{t.load(running, capacity)}</span>
    </span>
  );
}

export function Labels({labels}: {labels: Record<string, string>}) {
  return <span class="row wrap workers-labels">{Object.entries(labels).map(([name, value]) => <span key={name} class="chip"><span class="clip">{name}={value}</span></span>)}</span>;
}
