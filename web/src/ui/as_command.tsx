// ui/as_command.tsx: what a page shows or does, as a command line and as curl (UI-85): a button for the head of a page.
//
//   <AsCommand cli={`cronfleet worker get ${shellQuote(node)}`} api={addressOf("get_worker", {path: {node}})} />
import {texts} from "../i18n/language.ts";
import {Button} from "./button.tsx";
import {CopyBox, shellQuote} from "./copy.tsx";
import {Dialog, openDialog} from "./dialog.tsx";

const t = texts({
  en: {open: "As command", title: "The same in a terminal", cli: "CLI", curl: "curl"},
  zh: {open: "命令形式", title: "在终端中执行相同操作", cli: "CLI", curl: "curl"},
});

export function AsCommand({cli, api}: {cli: string; api: string}) {
  const show = () => openDialog((close) => (
    <Dialog title={t.title} onClose={close}>
      <CopyBox label={t.cli} text={cli} />
      <CopyBox label={t.curl} text={`curl -s ${shellQuote(location.origin + api)}`} />
    </Dialog>
  ));
  return <Button icon="terminal" tone="bare" onClick={show}>{t.open}</Button>;
}
