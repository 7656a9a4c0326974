// pages/run/lines.ts: chunks of output become lines. Both streams are told apart: what one has not ended yet goes on when
// it writes again, even if the other wrote meanwhile. Grows only; readers keep indexes into `lines`.
import type {Chunk} from "../../api/schema.ts";
import {plain, plainText, readLine, type Look} from "./ansi.ts";

export interface Line {
  text: string;    // with its sequences, without its end
  stream: "stdout" | "stderr" | "gap";
  at: string;      // when its first byte was written
  start: Look;     // as the line before left it
  gap: number;     // bytes that were not kept, for a gap
}

// What a row shows of a longer line: the raw download has the rest.
export const kLineMax = 8_000;

interface Stream { decoder: TextDecoder; open: Line | null; look: Look; pending: boolean; returned: boolean }
const newStream = (): Stream => ({decoder: new TextDecoder(), open: null, look: plain, pending: false, returned: false});

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export class Output {
  readonly lines: Line[] = [];
  next = 0;      // the offset to go on from
  dropped = 0;   // bytes in gaps
  bytes = 0;     // that are here
  private streams = {stdout: newStream(), stderr: newStream()};

  /** Answers how many lines there are now. */
  add(chunk: Chunk): number {
    const stream = this.streams[chunk.stream];
    const raw = chunk.base64 === undefined ? null : bytesOf(chunk.base64);
    const length = raw ? raw.length : utf8Length(chunk.text ?? "");
    if (chunk.offset + length <= this.next) return this.lines.length;  // has come already
    if (chunk.offset > this.next) this.addGap(chunk.offset - this.next);
    this.next = chunk.offset + length;
    this.bytes += length;
    let text = "";
    if (raw) {
      text = stream.decoder.decode(raw, {stream: true});
      stream.pending = true;
    } else {
      if (stream.pending) text = stream.decoder.decode();
      stream.pending = false;
      text += chunk.text ?? "";
    }
    this.take(stream, chunk.stream, chunk.written_at, text);
    return this.lines.length;
  }

  addGap(bytes: number): void {
    this.streams = {stdout: newStream(), stderr: newStream()};
    this.dropped += bytes;
    this.next += bytes;
    this.lines.push({text: "", stream: "gap", at: "", start: plain, gap: bytes});
  }

  private take(stream: Stream, name: "stdout" | "stderr", at: string, text: string): void {
    let from = 0;
    while (from < text.length) {
      const end = text.indexOf("\n", from);
      const piece = text.slice(from, end < 0 ? text.length : end);
      if (!stream.open) {
        stream.open = {text: "", stream: name, at, start: stream.look, gap: 0};
        this.lines.push(stream.open);
      }
      this.write(stream, stream.open, piece);
      if (end < 0) break;
      this.close(stream, stream.open);
      from = end + 1;
    }
  }
  /** A progress line that writes over itself is what a terminal shows of it; a return at the end is half of an end of line, or none yet. */
  private write(stream: Stream, line: Line, piece: string): void {
    const text = (stream.returned && piece ? "\r" : "") + piece, whole = text.replace(/\r+$/, "");
    if (text) stream.returned = whole !== text;
    const back = whole.lastIndexOf("\r");
    if (back >= 0) {
      line.start = readLine(line.text + whole.slice(0, back), line.start).end;
      line.text = "";
    }
    if (line.text.length < 4 * kLineMax) line.text += whole.slice(back + 1);
  }
  private close(stream: Stream, line: Line): void {
    stream.look = readLine(line.text, line.start).end;
    if (line.text.length > kLineMax) line.text = `${line.text.slice(0, kLineMax)} …`;
    stream.open = null;
    stream.returned = false;
  }
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; ++i) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) length += code > 0x7ff ? 2 : 1;
    if (code >= 0xd800 && code <= 0xdbff) {  // a pair is two units and four bytes
      ++i;
    }
  }
  return length;
}

/** The indexes of the lines that contain `asked`, from `start` on. A search in capitals minds them. */
export function findLines(lines: readonly Line[], asked: string, start = 0): number[] {
  if (!asked) return [];
  const exact = asked !== asked.toLowerCase(), found: number[] = [];
  for (let i = start; i < lines.length; ++i) {
    const text = plainText((lines[i] as Line).text);
    if ((exact ? text : text.toLowerCase()).includes(asked)) found.push(i);
  }
  return found;
}

/** "#L120" and "#L120-L140", counted from 1. */
export function readLineLink(hash: string): {from: number; to: number} | null {
  const found = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(hash);
  if (!found) return null;
  const a = Number(found[1]), b = Number(found[2] ?? found[1]);
  return a > 0 && b > 0 ? {from: Math.min(a, b), to: Math.max(a, b)} : null;
}
export const lineLink = (from: number, to = from): string => (from === to ? `#L${from}` : `#L${Math.min(from, to)}-L${Math.max(from, to)}`);

/** For rows of several visual lines: row ↔ line. `starts[i]` is the first visual row of line i. */
export function lineAtRow(starts: Uint32Array, lines: number, row: number): number {
  let low = 0, high = lines - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
