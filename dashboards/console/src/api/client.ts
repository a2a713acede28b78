/** The public API, typed by its own description. Every failure is a Failure with words and a next step. */

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
type Problem = Partial<Schemas["Problem"]>;

type Json<O, S extends number> = O extends { responses: { [K in S]: { content: { "application/json": infer T } } } } ? T : never;
type Told<P extends keyof paths> = paths[P] extends { get: infer O } ? Json<O, 200> : never;
type Readable = { [P in keyof paths]: [Told<P>] extends [never] ? never : P }[keyof paths];
type Operation<P extends Readable> = NonNullable<paths[P]["get"]>;
type Query<P extends Readable> = Operation<P> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
type Names<P extends Readable> = Operation<P> extends { parameters: { path: infer N } } ? N : Record<string, never>;

/** No page waits longer than this: a spinner without end tells nobody what to do. */
const PATIENCE_MS = 30_000;

export class Failure extends Error {
  /** `status` is 0 where no answer came at all. */
  constructor(
    readonly status: number,
    readonly kind: string,
    readonly detail: string,
    readonly problem: Problem = {},
    /** Seconds after which it may be tried again, where the service says so. */
    readonly retryAfterS: number | null = null,
  ) {
    super(detail);
  }
}

let onSignedOut: () => void = () => undefined;

/** What to do when the service says that nobody is signed in (any more). */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

async function ask(method: string, path: string, body: unknown, signal?: AbortSignal, key?: string): Promise<unknown> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const headers: Record<string, string> = { Accept: "application/json" };
  // other sites cannot send this header, so that no page elsewhere can act with the operator's cookie
  if (method !== "GET") headers["X-Lightline-Request"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0, patience.aborted ? "slow" : "unreachable", "");
  }
  if (answer.ok) return answer.status === 204 ? undefined : await answer.json();
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  const kind = (problem.type ?? "").replace("urn:lightline:problem:", "") || "internal";
  if (kind === "not-signed-in" || (kind === "bad-token" && !path.endsWith("/session"))) onSignedOut();
  const wait = Number(answer.headers.get("Retry-After") ?? Number.NaN);
  throw new Failure(answer.status, kind, problem.detail ?? answer.statusText, problem, Number.isFinite(wait) ? wait : null);
}

/** Slashes in an id stay slashes: the API takes them as they are. */
function filled(path: string, names: Record<string, string | number>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) =>
    String(names[name]).split("/").map(encodeURIComponent).join("/"),
  );
}

function written(query: object): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

export interface Asked<P extends Readable> {
  names?: Names<P>;
  query?: Query<P>;
  signal?: AbortSignal;
}

export async function get<P extends Readable>(path: P, asked: Asked<P> = {}): Promise<Told<P>> {
  const names = (asked.names ?? {}) as Record<string, string | number>;
  return (await ask("GET", filled(path, names) + written(asked.query ?? {}), undefined, asked.signal)) as Told<P>;
}

/** A call that changes something, and what it answers. With the same `key` it is done once, however often it is sent. */
export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, key?: string): Promise<T> {
  return (await ask(method, `/api/v1${path}`, body, undefined, key)) as T;
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/api/v1/session", undefined);
}

export async function transition(ticket: number, asked: Schemas["TransitionRequest"]): Promise<Schemas["TicketPage"]> {
  return (await ask("POST", `/api/v1/tickets/${ticket}/transitions`, asked)) as Schemas["TicketPage"];
}

/** Have the device asked for one line now; it answers within half a minute or not at all. */
export async function askNow(line: string): Promise<Schemas["LineNow"]> {
  return (await ask("POST", filled("/api/v1/lines/{line_id}/poll", { line_id: line }), undefined)) as Schemas["LineNow"];
}
