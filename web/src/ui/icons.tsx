// ui/icons.tsx: line icons on a 16-unit grid, drawn with currentColor. <Icon name="play"/>; decoration only: the words
// beside it, or a label on its button, say what it means.
const paths = {
  overview: "M2.5 8.5V13.5H6V8.5zM6.3 2.5V13.5H9.8V2.5zM10 5.5V13.5H13.5V5.5z",
  jobs: "M3 4h1M3 8h1M3 12h1M6.5 4H13M6.5 8H13M6.5 12H13",
  runs: "M4.5 3v10l8-5z",
  calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.5V5M10.5 2.5V5",
  workers: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  system: "M2 8h3l1.5-4.5L9.5 12.5 11 8h3",
  search: "M7 3a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM10 10l3.5 3.5",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.2 3.2L13 5",
  chevron: "M6 4l4 4-4 4",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.5v9l7-4.5z",
  stop: "M4 4h8v8H4z",
  edit: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  sun: "M8 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5zM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M12.4 3.6l-1 1M4.6 11.4l-1 1",
  moon: "M12.8 9.8A5.5 5.5 0 0 1 6.2 3.2a5.3 5.3 0 1 0 6.6 6.6z",
  globe: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12zM2 8h12M8 2c2.2 2 2.2 10 0 12M8 2c-2.2 2-2.2 10 0 12",
  clock: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12zM8 4.8V8l2.2 1.6",
  warning: "M8 2.3L14.3 13.3H1.7zM8 6.5v3M8 11.4h.01",
  info: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12zM8 7.3v3.7M8 5h.01",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  filter: "M2.5 3.5h11L9.3 8.5v4l-2.6 1v-5z",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  download: "M8 2.5v7.5M4.8 7l3.2 3.2L11.2 7M3 13.3h10",
  link: "M6.8 9.2l2.4-2.4M7.3 4.8l1.2-1.2a2.7 2.7 0 0 1 3.9 3.9l-1.3 1.2M8.7 11.2l-1.2 1.2a2.7 2.7 0 0 1-3.9-3.9l1.3-1.2",
  history: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3M8 5.2V8l1.9 1.4",
  terminal: "M2.5 3h11v10h-11zM5 6.2L7 8L5 9.8M8.2 10h2.8",
  keyboard: "M1.8 4h12.4v8.2H1.8zM4.3 6.6h.01M6.8 6.6h.01M9.3 6.6h.01M11.8 6.6h.01M5 9.7h6",
  arrow: "M3 8h9.5M9 4.5L12.5 8L9 11.5",
} as const;
export type IconName = keyof typeof paths;

export function Icon({name, size = 16}: {name: IconName; size?: number}) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
