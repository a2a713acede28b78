/** The lines of a PON port as the tree of its splitters, each node with how its lines are. */

import type { Schemas } from "../api/client";

type Line = Schemas["LineRow"];
export type Tone = "good" | "warning" | "bad" | "none";

export interface Node {
  /** null: lines of which no splitter is known at this level. */
  id: string | null;
  lines: Line[];
  below: Node[];
  counts: { good: number; not_good: number; no_reading: number };
  tone: Tone;
}

/** A node of which most lines read are not good is itself suspect; of which some are, worth a look. */
const MOST = 0.5;

function toneOf(counts: Node["counts"]): Tone {
  const read = counts.good + counts.not_good;
  if (read === 0) return "none";
  if (counts.not_good === 0) return "good";
  return read > 1 && counts.not_good / read > MOST ? "bad" : "warning";
}

function node(id: string | null, lines: Line[], below: Node[]): Node {
  const counts = { good: 0, not_good: 0, no_reading: 0 };
  for (const line of lines) counts[line.good] += 1;
  return { id, lines, below, counts, tone: toneOf(counts) };
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

/** First splitters, with the second ones below them; empty where no line of the port names one. */
export function treeOf(lines: Line[]): Node[] {
  if (lines.every((line) => line.splitter1 === null)) return [];
  return grouped(lines, "splitter1").map(([id, own]) => {
    const second = id !== null && own.some((line) => line.splitter2 !== null);
    return node(id, own, second ? grouped(own, "splitter2").map(([leg, behind]) => node(leg, behind, [])) : []);
  });
}
