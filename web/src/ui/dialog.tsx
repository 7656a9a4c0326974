// ui/dialog.tsx: the browser's own modal dialog. Render it to open it; `onClose` is called on Escape, on the cross and
// on a click outside.
//
//   {asking && <Dialog title="…" onClose={() => setAsking(false)} footer={<Button …/>}>…</Dialog>}
//
// openDialog() shows one from anywhere (a command, a menu): openDialog((close) => <KillDialog run={run} onClose={close}/>).
import {signal} from "@preact/signals";
import type {ComponentChildren, JSX} from "preact";
import {useEffect, useId, useRef} from "preact/hooks";
import {IconButton} from "./button.tsx";
import {words} from "./words.ts";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  footer?: ComponentChildren;
  wide?: boolean;
  onSubmit?: () => void;   // Enter in a field
}

export function Dialog({title, onClose, children, footer, wide = false, onSubmit}: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current as HTMLDialogElement;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <dialog ref={element} class={wide ? "dialog wide" : "dialog"} aria-labelledby={heading}
            onCancel={(event) => { event.preventDefault(); onClose(); }}
            onMouseDown={(event: JSX.TargetedMouseEvent<HTMLDialogElement>) => event.target === event.currentTarget && onClose()}>
      <form class="dialog-body" onSubmit={submit}>
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon="close" label={words.close} onClick={onClose} />
        </header>
        <div class="dialog-content">{children}</div>
        {footer && <footer class="dialog-foot">{footer}</footer>}
      </form>
    </dialog>
  );
}

type Render = (close: () => void) => JSX.Element;
const opened = signal<{id: number; render: Render}[]>([]);
let nextId = 0;
export function openDialog(render: Render): void {
  opened.value = [...opened.value, {id: ++nextId, render}];
}
/** Once, in the shell. */
export function OpenedDialogs() {
  return (
    <>
      {opened.value.map(({id, render}) => {
        const Shown = () => render(() => (opened.value = opened.value.filter((one) => one.id !== id)));
        return <Shown key={id} />;
      })}
    </>
  );
}
