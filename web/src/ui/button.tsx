// ui/button.tsx: buttons, and links that look like them. `tone` "primary" once per view; "danger" for what cannot be
// taken back.
import type {ComponentChildren, JSX} from "preact";
import {Icon, type IconName} from "./icons.tsx";

interface Looks {
  icon?: IconName;
  tone?: "plain" | "primary" | "danger" | "bare";
  size?: "small" | "normal";
  children?: ComponentChildren;
}
type ButtonProps = Looks & Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon" | "size"> & {
  busy?: boolean; disabled?: boolean | undefined; type?: "button" | "submit";
  popovertarget?: string; popoverTarget?: string;
};

const classes = ({tone = "plain", size = "normal"}: Looks, more: unknown) =>
  `button ${tone}${size === "small" ? " small" : ""}${typeof more === "string" && more ? ` ${more}` : ""}`;

export function Button({icon, tone, size, busy = false, disabled, children, type = "button", class: more, ...rest}: ButtonProps) {
  return (
    <button {...rest} type={type} class={classes({tone, size} as Looks, more)} disabled={disabled || busy} aria-busy={busy}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** `label` is read out and shown as a title. */
export function IconButton({icon, label, class: more, ...rest}: Omit<ButtonProps, "children" | "label"> & {icon: IconName; label: string}) {
  return <Button {...rest} tone={rest.tone ?? "bare"} class={`only-icon ${typeof more === "string" ? more : ""}`} icon={icon} aria-label={label} title={label} />;
}

export function LinkButton({to, icon, tone, size, children, class: more}: Looks & {to: string; class?: string}) {
  return (
    <a href={to} class={classes({tone, size} as Looks, more)}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}
