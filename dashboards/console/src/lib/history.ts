/** A line's past as curves: days where there are enough of them, else the readings of the last two days. */

import { get, type Schemas } from "../api/client";

export const DAYS = 90;
const FEW = 3; // days that make a curve
const DAY_MS = 86_400_000;

export interface History {
  series: Schemas["Series"];
  days: number;
}

export async function historyOf(line: string, fields: string[], signal: AbortSignal): Promise<History> {
  const ask = (days: number, resolution: "day" | "raw"): Promise<Schemas["Series"]> =>
    get("/api/v1/lines/{line_id}/series", {
      names: { line_id: line },
      query: { fields: fields.join(","), start: new Date(Date.now() - days * DAY_MS).toISOString(), resolution },
      signal,
    });
  const daily = await ask(DAYS, "day");
  const days = daily.times.length;
  return { series: days >= FEW ? daily : await ask(2, "raw"), days };
}

/** The values of a field: a day's median, or the readings themselves; null where there were none. */
export function valuesOf(series: Schemas["Series"], field: string): (number | null)[] {
  const wanted = series.resolution === "raw" ? null : "median";
  const column = series.columns.find((found) => found.field === field && found.statistic === wanted);
  return series.times.map((_, at) => {
    const value = column?.values[at];
    return typeof value === "number" ? value : null;
  });
}

/** From the middle of a curve, so that a near and a far line can be compared; in dB. */
export function moved(values: (number | null)[]): (number | null)[] {
  const read = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = read[Math.floor(read.length / 2)];
  return values.map((value) => (value === null || middle === undefined ? null : value - middle));
}

/** What curves in dB span, half a decibel each way at the least. */
export function rangeOf(all: (number | null)[][]): [number, number] {
  const read = all.flat().filter((value) => value !== null);
  return [Math.min(-0.5, ...read), Math.max(0.5, ...read)];
}
