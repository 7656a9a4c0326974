import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.system);
  return <h1>{words.system}</h1>;
}
