/** From which good rate on a grid is well, and from which on it is to be looked at; the legend says it too. */

import type { Tone } from "./terms";

export const WELL = 0.95;
export const DOUBTFUL = 0.9;

export function rateTone(rate: number | null): Tone {
  if (rate === null) return "none";
  return rate >= WELL ? "good" : rate >= DOUBTFUL ? "warning" : "bad";
}
