// pages/run/ends.ts: exit codes and signals in words.
import type {Run} from "../../api/schema.ts";
import {texts} from "../../i18n/language.ts";

const signals: Record<number, string> = {
  1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE",
  14: "ALRM", 15: "TERM", 24: "XCPU", 25: "XFSZ", 31: "SYS",
};
const t = texts({
  en: {
    code: (n: string, what: string) => `${n}: ${what}`, fine: "all went well", general: "it failed", usage: "wrong use of a command", notRun: "the command could not be executed", notFound: "the command was not found",
    by: (name: string) => `a command in it was ended by SIG${name}`, sys: (name: string) => `${name} of sysexits.h`, of: "as the command defines it",
    signal: (name: string, what: string) => `SIG${name}: ${what}`, segv: "it touched memory that is not its own", kill: "ended by force; out of memory does that too", term: "asked to end", abrt: "it gave up by itself",
    xcpu: "its limit of CPU time", xfsz: "its limit of file size", pipe: "nobody read what it wrote", other: "ended by a signal", number: (n: string) => `signal ${n}`,
  },
  zh: {
    code: (n, what) => `${n}:${what}`, fine: "一切正常", general: "失败", usage: "命令用法错误", notRun: "命令无法执行", notFound: "找不到命令",
    by: (name) => `其中一个命令被 SIG${name} 终止`, sys: (name) => `sysexits.h 中的 ${name}`, of: "含义由命令自行定义",
    signal: (name, what) => `SIG${name}:${what}`, segv: "访问了不属于它的内存", kill: "被强制终止;内存耗尽也会如此", term: "被要求结束", abrt: "自行中止",
    xcpu: "达到 CPU 时间上限", xfsz: "达到文件大小上限", pipe: "无人读取其输出", other: "被信号终止", number: (n) => `信号 ${n}`,
  },
});
const sysexits = ["USAGE", "DATAERR", "NOINPUT", "NOUSER", "NOHOST", "UNAVAILABLE", "SOFTWARE", "OSERR", "OSFILE", "CANTCREAT", "IOERR", "TEMPFAIL", "PROTOCOL", "NOPERM", "CONFIG"];

export function exitCodeText(code: number): string {
  const signal = code > 128 ? signals[code - 128] : undefined;
  const what = code === 0 ? t.fine : code === 1 ? t.general : code === 2 ? t.usage : code === 126 ? t.notRun : code === 127 ? t.notFound
    : signal ? t.by(signal) : code >= 64 && code <= 78 ? t.sys(`EX_${sysexits[code - 64]}`) : t.of;
  return t.code(String(code), what);
}
export function signalText(signal: number): string {
  const name = signals[signal];
  if (!name) return t.number(String(signal));
  const what = {9: t.kill, 11: t.segv, 15: t.term, 6: t.abrt, 24: t.xcpu, 25: t.xfsz, 13: t.pipe}[signal] ?? t.other;
  return t.signal(name, what);
}
export const endText = (run: Run): string =>
  run.signal !== undefined ? signalText(run.signal) : run.exit_code !== undefined ? exitCodeText(run.exit_code) : "";
