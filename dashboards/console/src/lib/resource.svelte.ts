/** What a page asks the service for, again and again; what was shown stays while the next answer is on its way. */

import { Failure } from "../api/client";
import { heed, live, type Topic } from "./live.svelte";

export const REFRESH_MS = 30_000;
/** While the service tells what changes, it is asked only so that figures do not grow old unnoticed. */
const SELDOM_MS = 120_000;
const GAP_MS = 2_000; // at the least between two askings because something changed
const ANY: readonly Topic[] = ["ticket", "finding", "health", "readings"];

type Ask<T> = (signal: AbortSignal) => Promise<T>;

export class Resource<T> {
  data = $state.raw<T | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(true);
  #again = $state(0);
  #asked = 0;
  #missed = false;

  /** Create it while a component is set up. `question` is asked anew when anything that it reads changes, every so
   * often, and when the service tells of one of the `topics`. Null: once. */
  constructor(question: () => Ask<T>, every: number | null = REFRESH_MS, topics: readonly Topic[] = ANY) {
    $effect(() => {
      void this.#again;
      const ask = question();
      const gone = new AbortController();
      void this.#run(ask, gone.signal);
      const stop = every === null ? undefined : this.#follow(() => this.#tick(ask, gone.signal), every, topics);
      return () => {
        stop?.();
        gone.abort();
      };
    });
  }

  again(): void {
    this.#again += 1;
  }

  /** Give an answer that came another way, such as with an action. */
  take(data: T): void {
    this.data = data;
    this.failure = null;
  }

  #follow(tick: () => void, every: number, topics: readonly Topic[]): () => void {
    let soon: ReturnType<typeof setTimeout> | undefined;
    const age = (): number => performance.now() - this.#asked;
    const timer = setInterval(() => {
      if (!live.on || this.failure || age() >= SELDOM_MS) tick();
    }, every);
    const deaf = heed((topic) => {
      if (!topics.includes(topic) || soon !== undefined) return;
      // readings come all the time: they hurry nobody
      const gap = topic === "readings" ? every : GAP_MS;
      soon = setTimeout(() => {
        soon = undefined;
        tick();
      }, Math.max(0, gap - age()));
    });
    const seen = (): void => {
      if (!document.hidden && (this.#missed || age() >= every)) tick();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      clearTimeout(soon);
      deaf();
      document.removeEventListener("visibilitychange", seen);
    };
  }

  #tick(ask: Ask<T>, signal: AbortSignal): void {
    // a tab that nobody sees costs the service nothing
    this.#missed = document.hidden || this.busy;
    if (!this.#missed) void this.#run(ask, signal);
  }

  async #run(ask: Ask<T>, signal: AbortSignal): Promise<void> {
    this.busy = true;
    this.#asked = performance.now();
    try {
      const data = await ask(signal);
      if (signal.aborted) return;
      this.data = data;
      this.failure = null;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failure)) throw error;
      this.failure = error;
    }
    this.busy = false;
    // it changed while it was asked for
    if (this.#missed && !document.hidden) this.#tick(ask, signal);
  }
}

const LONGEST_PAGE = 1000; // what the API gives at once

/** The first `count` rows of a list that is given a page at a time. A refresh asks for all that is shown, so that no row
 * jumps or disappears because "more" was used before. */
export async function upTo<N, P extends { next?: N | null }, R>(
  count: number,
  ask: (limit: number, after: N | undefined) => Promise<P>,
  rowsOf: (page: P) => R[],
): Promise<{ page: P; rows: R[]; next: N | null }> {
  let page = await ask(Math.min(LONGEST_PAGE, count), undefined);
  const rows = [...rowsOf(page)];
  while (page.next != null && rows.length < count) {
    page = await ask(Math.min(LONGEST_PAGE, count - rows.length), page.next);
    rows.push(...rowsOf(page));
  }
  return { page, rows, next: page.next ?? null };
}
