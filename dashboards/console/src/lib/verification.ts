/** How a repair was verified, as the ledger keeps it in a ticket's evidence (maintenance/verification.py). */

import type { Pair } from "./i18n";
import type { Term } from "./terms";

export interface Judgement {
  verdict: string;
  resolved_at: string;
  readings_since: number;
  hours: number;
  needed_hours: number;
  lines_read: number;
  lines_held: number;
  figures: Record<string, { before: number | null; after: number | null; unit: string; held: number; lines: number }>;
}

/** Null where no repair was judged yet. */
export function judgementIn(evidence: Record<string, unknown>): Judgement | null {
  const told = evidence.verification;
  return typeof told === "object" && told !== null && "verdict" in told ? (told as Judgement) : null;
}

export const verdicts: Record<string, Term> = {
  held: { tone: "good", pair: ["修复有效", "The repair held"] },
  failed: { tone: "bad", pair: ["修复无效", "The repair did not hold"] },
  undecided: { tone: "none", pair: ["尚无结论", "Not decided yet"] },
};

/** How a figure is looked at before and after (verification.yaml). */
export const marks: Record<string, Pair> = {
  light: ["中位值", "middle"],
  seen: ["中位值", "middle"],
  kept: ["中位值", "middle"],
  level: ["中位值", "middle"],
  speed: ["中位值", "middle"],
  bias: ["中位值", "middle"],
  floor: ["低值", "low values"],
  sound: ["低值", "low values"],
  swing: ["波动范围", "spread"],
  errors: ["每小时", "an hour"],
  coax: ["每小时", "an hour"],
  no_los: ["无光占比", "share without light"],
  powered: ["掉电占比", "share without power"],
};
