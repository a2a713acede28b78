/** The lines of a PON port as the tree of its splitters, each node with how its lines are. */

import type { Schemas } from "../api/client";

type Line = Schemas["LineRow"];
export type Tone = "good" | "warning" | "bad" | "none";
export type Counts = { good: number; not_good: number; no_reading: number };

export interface Node {
  /** null: lines of which no splitter is known at this level. */
  id: string | null;
  /** As tickets name the place, whichever way the plant's splitters are called (docs/inventory.md). */
  places: string[];
  lines: Line[];
  below: Node[];
  counts: Counts;
  margins: Schemas["Margins"];
  tone: Tone;
}

/** A node of which most lines read are not good is itself suspect; of which some are, worth a look. */
const MOST = 0.5;

export function toneOf(counts: Counts): Tone {
  const read = counts.good + counts.not_good;
  if (read === 0) return "none";
  if (counts.not_good === 0) return "good";
  return read > 1 && counts.not_good / read > MOST ? "bad" : "warning";
}

function marginsOf(lines: Line[]): Schemas["Margins"] {
  const known = lines.flatMap((line) => line.margin_db ?? []).sort((a, b) => a - b);
  const low = known[Math.floor((known.length - 1) / 2)];
  const high = known[Math.floor(known.length / 2)];
  return { worst_db: known[0] ?? null, median_db: low === undefined || high === undefined ? null : (low + high) / 2 };
}

function node(id: string | null, path: string[], lines: Line[], below: Node[]): Node {
  const counts = { good: 0, not_good: 0, no_reading: 0 };
  for (const line of lines) counts[line.good] += 1;
  const places = id === null ? [] : [`splitter:${id}`, `splitter:${[...path, id].join("/")}`];
  return { id, places, lines, below, counts, margins: marginsOf(lines), tone: toneOf(counts) };
}

function grouped(lines: Line[], by: "splitter1" | "splitter2"): [string | null, Line[]][] {
  const groups = new Map<string | null, Line[]>();
  for (const line of lines) {
    const group = groups.get(line[by]);
    if (group) group.push(line);
    else groups.set(line[by], [line]);
  }
  // by number where names have one; what is not known comes last
  return [...groups].sort(([a], [b]) => Number(a === null) - Number(b === null) || (a ?? "").localeCompare(b ?? "", undefined, { numeric: true }));
}

/** First splitters, with the second ones below them; empty where no line of the port names one. `port`: DEVICE/PON. */
export function treeOf(lines: Line[], port: string): Node[] {
  if (lines.every((line) => line.splitter1 === null && line.splitter2 === null)) return [];
  return grouped(lines, "splitter1").flatMap(([id, own]) => {
    const second = own.some((line) => line.splitter2 !== null);
    const path = id === null ? [port] : [port, id];
    const below = second ? grouped(own, "splitter2").map(([leg, behind]) => node(leg, path, behind, [])) : [];
    // only the second stage is known: its splitters hang from the port
    return id === null && second ? below : [node(id, [port], own, below)];
  });
}
