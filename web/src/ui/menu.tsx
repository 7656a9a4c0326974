// ui/menu.tsx: a button with a list of actions or choices, on the browser's own popover: it closes on Escape and on a
// click outside, and focus goes back to the button.
import type {ComponentChildren} from "preact";
import {useId, useRef} from "preact/hooks";
import {Icon, type IconName} from "./icons.tsx";

export interface MenuItem {
  label: string;
  icon?: IconName;
  href?: string;
  action?: () => void;
  chosen?: boolean;         // one of several choices: a check mark stands in front of it
  danger?: boolean;
  disabled?: boolean;
  hint?: string;            // a shortcut, or why it is disabled
  separate?: boolean;       // a line above it
}

/** Puts a popover under (or above) the element that opened it. */
export function placePopover(panel: HTMLElement, opener: Element): void {
  const at = opener.getBoundingClientRect(), gap = 4;
  panel.style.minWidth = `${Math.min(at.width, 480)}px`;
  const size = panel.getBoundingClientRect();
  const below = innerHeight - at.bottom - gap;
  const top = below >= size.height || below > at.top ? at.bottom + gap : at.top - gap - size.height;
  let left = at.left;
  if (left + size.width > innerWidth - 8) left = Math.max(8, at.right - size.width);
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(8, Math.min(top, innerHeight - size.height - 8))}px`;
}

export function Menu({label, items, class: more = "", children}: {label: string; items: MenuItem[]; class?: string; children: ComponentChildren}) {
  const id = useId();
  const panel = useRef<HTMLDivElement>(null), opener = useRef<HTMLButtonElement>(null);
  const focusables = () => [...(panel.current?.querySelectorAll<HTMLElement>("a,button:not(:disabled)") ?? [])];
  const onToggle = (event: ToggleEvent) => {
    if (event.newState !== "open" || !panel.current || !opener.current) return;
    placePopover(panel.current, opener.current);
    (focusables().find((item) => item.getAttribute("aria-checked") === "true") ?? focusables()[0])?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = focusables(), at = all.indexOf(document.activeElement as HTMLElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all[(to + all.length) % all.length]?.focus();
  };
  const hide = () => panel.current?.hidePopover();
  const choices = items.some((item) => item.chosen !== undefined);
  return (
    <>
      <button ref={opener} type="button" class={`button ${more || "bare"}`} popovertarget={id} title={label} aria-haspopup="menu">
        <span class="away">{label}</span>
        {children}
      </button>
      <div ref={panel} id={id} popover="auto" class="menu" role="menu" aria-label={label} onToggle={onToggle} onKeyDown={onKeyDown}>
        {items.map((item) => {
          const body = (
            <>
              <span class="menu-icon">{choices ? item.chosen && <Icon name="check" /> : item.icon && <Icon name={item.icon} />}</span>
              <span class="menu-label">{item.label}</span>
              {item.hint && <span class="menu-hint">{item.hint}</span>}
            </>
          );
          const looks = `menu-item${item.danger ? " danger" : ""}${item.separate ? " separate" : ""}`;
          if (item.href) return <a key={item.label} role="menuitem" class={looks} href={item.href} onClick={hide}>{body}</a>;
          return (
            <button key={item.label} type="button" role={item.chosen === undefined ? "menuitem" : "menuitemradio"} aria-checked={item.chosen}
                    class={looks} disabled={item.disabled ?? false} onClick={() => { hide(); item.action?.(); }}>
              {body}
            </button>
          );
        })}
      </div>
    </>
  );
}
