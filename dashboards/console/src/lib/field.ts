/** What was done on site, kept in the browser's own database until the service has it: in order, each once. */

import type { Schemas } from "../api/client";

export type Step = Omit<Schemas["StepRequest"], "note"> & { note: string };

export interface Waiting {
  id: number;
  key: string;
  ticket: number;
  who: string;
  /** Of a step; null for a photo. */
  step: Step | null;
  photo: Blob | null;
  /** Why the service refused it: it stays until the technician has read that. */
  refused: string;
}

const NAME = "lightline-field";
const STORE = "waiting";

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("no database"));
  });
}

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("not kept"));
    });
  } finally {
    database.close();
  }
}

export const waiting = (): Promise<Waiting[]> => inStore("readonly", (store) => store.getAll() as IDBRequest<Waiting[]>);

export async function keep(told: Omit<Waiting, "id" | "key" | "refused">): Promise<void> {
  await inStore("readwrite", (store) => store.add({ ...told, key: crypto.randomUUID(), refused: "" }));
}

export const drop = (id: number): Promise<undefined> => inStore("readwrite", (store) => store.delete(id));

/** What became of one: taken, refused for good (with the reason), or not told because nobody answers now. */
async function tell(one: Waiting): Promise<"taken" | "away" | { refused: string }> {
  const headers: Record<string, string> = { "X-Lightline-Request": "1", "Idempotency-Key": one.key };
  if (one.step) headers["Content-Type"] = "application/json";
  const path = `/api/v1/visits/${one.ticket}/${one.step ? "steps" : "photos"}`;
  let answer: Response;
  try {
    answer = await fetch(path, { method: "POST", headers, body: one.step ? JSON.stringify(one.step) : one.photo, credentials: "same-origin", signal: AbortSignal.timeout(60_000) });
  } catch {
    return "away";
  }
  if (answer.ok) return "taken";
  // signed out, too fast, or the service is in trouble: it will take it another time
  if (answer.status === 401 || answer.status === 409 || answer.status === 429 || answer.status >= 500) return "away";
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  return { refused: problem.detail ?? answer.statusText };
}

let going: Promise<boolean> | null = null;
let next: Promise<boolean> | null = null;

/** Tell the service all that waits, oldest first; whether anything got through. One at a time, also in two tabs. */
export function flush(who: string): Promise<boolean> {
  if (going) {
    // what is kept now may have come too late for the one under way
    next ??= going.then(() => flush(who));
    return next;
  }
  next = null;
  going = (async () => await navigator.locks.request(NAME, () => told(who)))().finally(() => (going = null));
  return going;
}

async function told(who: string): Promise<boolean> {
  let through = false;
  for (const one of await waiting()) {
    // somebody else's, who used this phone before: it waits for him to sign in again
    if (one.refused || one.who !== who) continue;
    const outcome = await tell(one);
    if (outcome === "away") return through;
    if (outcome === "taken") await drop(one.id);
    else await inStore("readwrite", (store) => store.put({ ...one, refused: outcome.refused }));
    through = true;
  }
  return through;
}

/** Have the browser keep the page and the day for where there is no reception. */
export async function keepPage(day: string): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/sw.js");
    const ready = await navigator.serviceWorker.ready;
    const assets = performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname).filter((path) => path.startsWith("/assets/"));
    ready.active?.postMessage({ keep: ["/", "/api/v1/session", "/api/v1/system", day, ...new Set(assets)] });
  } catch {
    // without it the page still works where there is reception, and what is done is kept all the same
  }
}
