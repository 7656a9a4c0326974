import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.run);
  return <h1>{words.run}</h1>;
}
