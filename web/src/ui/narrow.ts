// ui/narrow.ts: whether the window is as narrow as a phone; then tables become cards.
import {signal} from "@preact/signals";

const query = matchMedia("(max-width: 640px)");
export const narrow = signal(query.matches);
query.addEventListener("change", () => (narrow.value = query.matches));
