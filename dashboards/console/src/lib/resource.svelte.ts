/** What a page asks the service for, again and again; what was shown stays while the next answer is on its way. */

import { Failure } from "../api/client";

export const REFRESH_MS = 30_000;

type Ask<T> = (signal: AbortSignal) => Promise<T>;

export class Resource<T> {
  data = $state.raw<T | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(true);
  #again = $state(0);

  /** Create it while a component is set up. `question` is asked anew when anything that it reads changes. */
  constructor(question: () => Ask<T>, every: number | null = REFRESH_MS) {
    $effect(() => {
      void this.#again;
      const ask = question();
      const gone = new AbortController();
      void this.#run(ask, gone.signal);
      const timer = every === null ? undefined : setInterval(() => this.#tick(ask, gone.signal), every);
      return () => {
        clearInterval(timer);
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

  #tick(ask: Ask<T>, signal: AbortSignal): void {
    // a tab that nobody sees costs the service nothing
    if (!document.hidden && !this.busy) void this.#run(ask, signal);
  }

  async #run(ask: Ask<T>, signal: AbortSignal): Promise<void> {
    this.busy = true;
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
