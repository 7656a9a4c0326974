import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.calendar);
  return <h1>{words.calendar}</h1>;
}
