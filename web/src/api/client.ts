// api/client.ts: the one way to the API. Typed by schema.ts, which scripts/api-types writes from docs/api.yaml.
//
//   const job = await call("get_job", {path: {name}, signal});
//   await call("put_job", {path: {name}, body: job, ifMatch: revision});
//
// A failure is always an ApiProblem: the server's problem document, or `offline` when it could not be reached. An
// aborted call throws the browser's AbortError. A reply that is JSON of an unknown shape is trusted to the document.
import {language} from "../i18n/language.ts";
import {operations, type Mistake, type Operations, type Problem} from "./schema.ts";

export type {Operations} from "./schema.ts";
export type OperationName = keyof Operations;
export type Answer<N extends OperationName> = Operations[N]["answer"];
export type Query<N extends OperationName> = Operations[N]["query"];
export type Body<N extends OperationName> = Operations[N]["body"];

export class ApiProblem extends Error {
  readonly status: number;  // 0: the server could not be reached
  readonly code: string;
  readonly requestId: string;
  readonly errors: readonly Mistake[];
  readonly retryAfter: number;  // seconds; 0: it did not say

  constructor(problem: Pick<Problem, "status" | "code" | "detail" | "instance" | "errors">, retryAfter = 0) {
    super(problem.detail);
    this.name = "ApiProblem";
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.instance;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
  get offline() { return this.status === 0; }
}

export interface CallOptions<N extends OperationName> {
  path?: Operations[N]["path"];
  query?: Query<N>;
  body?: Body<N>;
  ifMatch?: number | "*";        // a revision, or whatever stands
  ifNoneMatch?: "*";             // to create
  idempotencyKey?: string;       // kept by the caller over its retries
  signal?: AbortSignal | undefined;
}

/** For Idempotency-Key: made once for what the user did, sent again with each retry of it. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function addressOf<N extends OperationName>(name: N, options: Pick<CallOptions<N>, "path" | "query"> = {}): string {
  const parameters = (options.path ?? {}) as Record<string, string | number>;
  const path = operations[name][1].replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(parameters[key])));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(options.query ?? {})) {
    if (value === undefined || value === "") continue;
    for (const item of Array.isArray(value) ? value : [value]) query.append(key, String(item));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const retryAfter = Number(response.headers.get("Retry-After") ?? 0);
  const instance = response.headers.get("X-Request-Id") ?? "";
  try {
    return new ApiProblem((await response.json()) as Problem, retryAfter);
  } catch {
    const detail = `${response.status} ${response.statusText}`;
    return new ApiProblem({status: response.status, code: "unreadable_answer", detail, instance}, retryAfter);
  }
}

export async function call<N extends OperationName>(name: N, options: CallOptions<N> = {}): Promise<Answer<N>> {
  const method = operations[name][0];
  const headers = new Headers({"Accept": "application/json", "Accept-Language": language.value, "X-Cronfleet-Client": "console"});
  if (options.ifMatch !== undefined) headers.set("If-Match", options.ifMatch === "*" ? "*" : `"${options.ifMatch}"`);
  if (options.ifNoneMatch) headers.set("If-None-Match", options.ifNoneMatch);
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  const init: RequestInit = {method, headers, signal: options.signal ?? null, cache: "no-store"};
  if (options.body !== undefined) {
    headers.set("Content-Type", method === "PATCH" ? "application/merge-patch+json" : "application/json");
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(addressOf(name, options), init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiProblem({status: 0, code: "offline", detail: "the server cannot be reached", instance: ""});
  }
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as Answer<N>;
}
