/** Languages, numbers and times as the operator writes them. The words are in words.ts and terms.ts. */

import { words, type Word } from "./words";

export type Language = "zh" | "en";
export type Pair = readonly [zh: string, en: string];

const LOCALES: Record<Language, string> = { zh: "zh-CN", en: "en-GB" };
const NOTHING = "–";

/** Kept choice first, then the browser's; Chinese where the browser says so. */
export function preferred(): Language {
  const kept = localStorage.getItem("language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function pick(language: Language, pair: Pair): string {
  return pair[language === "zh" ? 0 : 1];
}

/** A word, with {names} in it replaced. */
export function word(language: Language, key: Word, given: Record<string, string | number> = {}): string {
  return pick(language, words[key]).replace(/\{(\w+)\}/g, (_, name: string) => String(given[name] ?? ""));
}

export function number(language: Language, value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  const format = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString(LOCALES[language], format).replace("-", "−");
}

/** A share as per cent. Never rounded up to 100 %: one bad line in ten thousand must stay visible. */
export function percent(language: Language, share: number | null | undefined): string {
  if (share === null || share === undefined) return NOTHING;
  const shown = share < 1 ? Math.min(share, 0.999) : share;
  const format = { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 } as const;
  return shown.toLocaleString(LOCALES[language], format);
}

function parts(iso: string, zone: string): Record<string, string> {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  return Object.fromEntries(format.formatToParts(new Date(iso)).map((part) => [part.type, part.value]));
}

/** A moment in the operator's zone, whatever zone the browser is in: the time today, the date too on other days. */
export function moment(iso: string | null | undefined, zone: string, now = new Date()): string {
  if (!iso) return NOTHING;
  const then = parts(iso, zone);
  const today = parts(now.toISOString(), zone);
  const time = `${then.hour}:${then.minute}`;
  if (then.year !== today.year) return `${then.year}-${then.month}-${then.day} ${time}`;
  return then.month === today.month && then.day === today.day ? time : `${then.month}-${then.day} ${time}`;
}

/** The same in full, for titles and exports. */
export function fullMoment(iso: string, zone: string): string {
  const then = parts(iso, zone);
  return `${then.year}-${then.month}-${then.day} ${then.hour}:${then.minute}:${then.second} ${zone}`;
}

/** Milliseconds of the zone's wall clock as if it were UTC: charts know no zones but UTC and the browser's. */
export function wallClock(iso: string, zone: string): number {
  const then = parts(iso, zone);
  return Date.parse(`${then.year}-${then.month}-${then.day}T${then.hour}:${then.minute}:${then.second}Z`);
}

/** The moment at which the zone's clock shows `wall` (2026-11-02T10:00), in UTC. */
export function fromWallClock(wall: string, zone: string): string {
  const wanted = Date.parse(`${wall}:00Z`);
  // twice: the first guess may stand on the other side of a change of the clock
  let guess = wanted;
  for (let turn = 0; turn < 2; turn += 1) guess += wanted - wallClock(new Date(guess).toISOString(), zone);
  return new Date(guess).toISOString();
}
