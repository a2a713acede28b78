/** One thing at a time that a form or a button does: busy while it runs, and why it failed. */

import { Failure } from "../api/client";

export class Deed {
  busy = $state(false);
  done = $state(false);
  failure = $state.raw<Failure | null>(null);

  /** What `act` answered; null where the service refused. */
  async run<T>(act: () => Promise<T>): Promise<{ answer: T } | null> {
    this.busy = true;
    this.done = false;
    this.failure = null;
    try {
      const answer = await act();
      this.done = true;
      return { answer };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failure = error;
      return null;
    } finally {
      this.busy = false;
    }
  }
}
