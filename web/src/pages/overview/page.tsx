import {usePageTitle} from "../../app/title.ts";
import {words} from "../../ui/words.ts";

export default function Page() {
  usePageTitle(words.overview);
  return <h1>{words.overview}</h1>;
}
