/** The time, for what counts down: it moves on by itself, and at once when the page is seen again. */

const EVERY_MS = 20_000;
const state = $state({ now: Date.now() });

function look(): void {
  state.now = Date.now();
}

setInterval(look, EVERY_MS);
addEventListener("focus", look);
document.addEventListener("visibilitychange", look);

/** Milliseconds since 1970; what reads it follows. */
export function now(): number {
  return state.now;
}
