// ui/copy.tsx: a text that copies on click (UI-85), and whole commands in a box.
import {useState} from "preact/hooks";
import {Icon} from "./icons.tsx";
import {words} from "./words.ts";

async function write(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");  // a page that is neither loopback nor https has no clipboard
  area.value = text;
  area.className = "away";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function useCopy(text: string): [boolean, () => void] {
  const [done, setDone] = useState(false);
  const copy = () => {
    void write(text).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), 1_500);
    });
  };
  return [done, copy];
}

export function Copy({text, shown = text}: {text: string; shown?: string}) {
  const [done, copy] = useCopy(text);
  return (
    <button type="button" class="copy" onClick={copy} title={done ? words.copied : `${words.copy}: ${text}`}>
      <code>{shown}</code>
      <Icon name={done ? "check" : "copy"} size={13} />
      {done && <span class="away" role="status">{words.copied}</span>}
    </button>
  );
}

export function CopyBox({text, label}: {text: string; label?: string}) {
  const [done, copy] = useCopy(text);
  return (
    <div class="copy-box">
      {label && <span class="copy-box-label">{label}</span>}
      <code>{text}</code>
      <button type="button" class="button bare only-icon" onClick={copy} aria-label={done ? words.copied : words.copy} title={words.copy}>
        <Icon name={done ? "check" : "copy"} />
      </button>
    </div>
  );
}

/** For a POSIX shell. */
export const shellQuote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
