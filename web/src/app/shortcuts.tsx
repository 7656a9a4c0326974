// app/shortcuts.tsx: "?": the keys that count on this page.
import {texts} from "../i18n/language.ts";
import {Dialog} from "../ui/dialog.tsx";
import {Check} from "../ui/field.tsx";
import {commands, singleKeys} from "./commands.ts";

const t = texts({
  en: {title: "Keyboard shortcuts", palette: "Everything, by name", on: "Single-key shortcuts", page: "On this page"},
  zh: {title: "键盘快捷键", palette: "按名称查找一切", on: "单键快捷键", page: "本页"},
});

export function ShortcutsDialog({onClose}: {onClose: () => void}) {
  const groups = new Map<string, {key: string; label: string}[]>();
  for (const {group, key, label} of commands()) {
    if (!key) continue;
    const heading = group || t.page;
    groups.set(heading, [...(groups.get(heading) ?? []), {key, label}]);
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <dl class="keys"><dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>{t.palette}</dd></dl>
      {[...groups].map(([heading, keys]) => (
        <section key={heading}>
          <h3>{heading}</h3>
          <dl class="keys">
            {keys.map(({key, label}) => [<dt key={key}>{key.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt>, <dd key={`${key} means`}>{label}</dd>])}
          </dl>
        </section>
      ))}
      <Check label={t.on} checked={singleKeys.value} onChange={(on) => (singleKeys.value = on)} />
    </Dialog>
  );
}
