/** The language that is spoken now; whatever reads it follows a switch at once. */

import * as i18n from "./i18n";
import type { Word } from "./words";
import { session } from "./session.svelte";

const spoken = $state({ language: i18n.preferred() });

export function language(): i18n.Language {
  return spoken.language;
}

export function speak(chosen: i18n.Language): void {
  spoken.language = chosen;
  localStorage.setItem("language", chosen);
}

export function zone(): string {
  return session.system?.zone ?? "Asia/Shanghai";
}

export const t = (key: Word, given?: Record<string, string | number>): string => i18n.word(spoken.language, key, given);
export const both = (pair: i18n.Pair): string => i18n.pick(spoken.language, pair);
export const num = (value: number | null | undefined, decimals = 0): string => i18n.number(spoken.language, value, decimals);
export const pct = (share: number | null | undefined): string => i18n.percent(spoken.language, share);
export const at = (iso: string | null | undefined): string => i18n.moment(iso, zone());
