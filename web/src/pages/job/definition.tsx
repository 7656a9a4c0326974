// pages/job/definition.tsx: the document as it stands, to read and to take away.
import type {StoredJob} from "../../api/schema.ts";
import {addressOf} from "../../api/client.ts";
import {texts} from "../../i18n/language.ts";
import {href} from "../../app/router.ts";
import {LinkButton} from "../../ui/button.tsx";
import {Copy, CopyBox, shellQuote} from "../../ui/copy.tsx";
import {words} from "../../ui/words.ts";
import {toText, type Document} from "../editor/draft.ts";

const t = texts({
  en: {document: "Document", elsewhere: "From a terminal", cli: "CLI", curl: "curl", apply: "Save a file"},
  zh: {document: "文档", elsewhere: "在终端中", cli: "CLI", curl: "curl", apply: "保存文件"},
});

export function Definition({stored}: {stored: StoredJob}) {
  const text = stored.job ? toText(stored.job as Document) : stored.document ?? "";
  return (
    <div class="stack">
      <section class="card">
        <header class="card-head"><h2>{t.document}</h2><Copy text={text} shown={words.copy} /><LinkButton to={href.job(stored.name, "edit")} size="small" icon="edit">{words.edit}</LinkButton></header>
        <pre class="card-body job-json">{text}</pre>
      </section>
      <section class="card">
        <header class="card-head"><h2>{t.elsewhere}</h2></header>
        <div class="card-body stack tight">
          <CopyBox label={t.cli} text={`cronfleet job get ${shellQuote(stored.name)} -o json`} />
          <CopyBox label={t.curl} text={`curl ${shellQuote(location.origin + addressOf("get_job", {path: {name: stored.name}}))}`} />
          <CopyBox label={t.apply} text="cronfleet job apply -f job.json" />
        </div>
      </section>
    </div>
  );
}
