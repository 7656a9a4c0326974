// main.tsx: starts the console.
import {effect} from "@preact/signals";
import {render} from "preact";
import {startKeyboard} from "./app/commands.ts";
import {startRouter} from "./app/router.ts";
import {Shell} from "./app/shell.tsx";
import {startTheme} from "./app/theme.ts";
import {language} from "./i18n/language.ts";
import {startClock} from "./live/clock.ts";
import {startLive} from "./live/live.ts";

startTheme();
effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});
startRouter();
startKeyboard();
startClock();
startLive();
render(<Shell />, document.getElementById("app") as HTMLElement);
