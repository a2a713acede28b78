/** Levels of the plant tree as coverage counts them, and the filters that lead to the lines below a place. */

export type Level = "area" | "grid" | "device" | "pon";
export type Scope = Partial<Record<Level, string | null>>;

export const below: Record<Level, Level | null> = { area: "grid", grid: "device", device: "pon", pon: null };

export function filtersOf(scope: Scope): Record<string, string> {
  return Object.fromEntries(Object.entries(scope).filter((entry): entry is [string, string] => entry[1] !== null));
}

export function keyOf(scope: Scope): string {
  return JSON.stringify(scope);
}
