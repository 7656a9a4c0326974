import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.jobs);
  return <h1>{words.jobs}</h1>;
}
