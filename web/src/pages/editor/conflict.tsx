// pages/editor/conflict.tsx: a save that came too late (412): base, theirs and mine, member by member; what only one side
// has changed is merged without asking. Nothing is ever overwritten unseen.
import {useState} from "preact/hooks";
import {Button} from "../../ui/button.tsx";
import {Dialog} from "../../ui/dialog.tsx";
import {mergeThree, withMember, type Document} from "./draft.ts";
import {t} from "./texts.ts";

const show = (value: unknown): string => (value === undefined ? t.absent : typeof value === "string" ? value : JSON.stringify(value));

export function ConflictDialog({base, theirs, mine, onMerged, onClose}: {
  base: Document; theirs: Document; mine: Document; onMerged: (merged: Document, save: boolean) => void; onClose: () => void;
}) {
  const {merged, conflicts, theirs: taken} = mergeThree(base, theirs, mine);
  const [chosen, setChosen] = useState<Record<string, "theirs" | "mine">>({});
  const decided = conflicts.every(({key}) => chosen[key]);
  const result = () => conflicts.reduce((document, {key, theirs: a, mine: b}) => withMember(document, key, chosen[key] === "theirs" ? a : b), merged);
  return (
    <Dialog title={t.conflictTitle} onClose={onClose} wide footer={
      <>
        <Button disabled={!decided} onClick={() => onMerged(result(), false)}>{t.keepEditing}</Button>
        <Button tone="primary" disabled={!decided} onClick={() => onMerged(result(), true)}>{t.saveMerged}</Button>
      </>
    }>
      <p class="dim">{t.conflictAbout}</p>
      {taken.length > 0 && <p>{t.takenOver(taken.join(", "))}</p>}
      {conflicts.map(({key, base: before, theirs: a, mine: b}) => (
        <fieldset key={key} class="conflict">
          <legend><code>{key}</code> <span class="dim small-text">{t.base}: <code>{show(before)}</code></span></legend>
          {([["theirs", a, t.theirs], ["mine", b, t.mine]] as const).map(([side, value, word]) => (
            <label key={side} class={chosen[key] === side ? "chosen" : ""}>
              <input type="radio" name={`conflict ${key}`} checked={chosen[key] === side} onChange={() => setChosen({...chosen, [key]: side})} />
              <span class="dim">{word}</span><code>{show(value)}</code>
            </label>
          ))}
        </fieldset>
      ))}
    </Dialog>
  );
}
