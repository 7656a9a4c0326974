// testing/browser.ts: the little of a browser that pure modules touch when they are loaded. Imported first by a test.
const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};
Object.assign(globalThis, {
  localStorage: storage,
  location: {search: "", pathname: "/", hash: "", href: "http://127.0.0.1:8090/"},
  document: {documentElement: {lang: "en", dataset: {}}, visibilityState: "visible"},
  addEventListener: () => undefined,
});
export const storedTexts = kept;
