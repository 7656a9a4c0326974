// ui/tabs.tsx: the views of one thing, each with an address of its own.
export function Tabs({label, current, tabs}: {label: string; current: string; tabs: {id: string; label: string; href: string}[]}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.id} href={tab.href} class="tab" aria-current={tab.id === current ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}
