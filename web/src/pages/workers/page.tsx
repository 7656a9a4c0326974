import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.workers);
  return <h1>{words.workers}</h1>;
}
