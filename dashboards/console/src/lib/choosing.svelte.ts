/** Which rows of a list are chosen; with Shift all between the last one and this. What is no longer shown is not chosen. */

import { SvelteSet } from "svelte/reactivity";

export class Choosing {
  #chosen = new SvelteSet<number>();
  #last: number | null = null;
  readonly #shown: () => number[];

  constructor(shown: () => number[]) {
    this.#shown = shown;
  }

  get ids(): number[] {
    return this.#shown().filter((id) => this.#chosen.has(id));
  }

  has(id: number): boolean {
    return this.#chosen.has(id);
  }

  choose(id: number, on: boolean, range: boolean): void {
    const shown = this.#shown();
    const [from, to] = [range && this.#last !== null ? shown.indexOf(this.#last) : -1, shown.indexOf(id)];
    const meant = from < 0 ? [id] : shown.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of meant) this.#set(one, on);
    this.#last = id;
  }

  all(on: boolean): void {
    for (const id of this.#shown()) this.#set(id, on);
  }

  none(): void {
    this.#chosen.clear();
    this.#last = null;
  }

  #set(id: number, on: boolean): void {
    if (on) this.#chosen.add(id);
    else this.#chosen.delete(id);
  }
}
