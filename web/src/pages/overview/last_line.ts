// pages/overview/last_line.ts: the last thing that a run said, for one line of a list: without colours and control
// characters.
export function lastLine(output: string): string {
  const plain = output.replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)/g, "");
  const lines = plain.split("\n").map((line) => line.replace(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "").trim());
  return (lines.filter(Boolean).at(-1) ?? "").slice(0, 300);
}
