/** The collector's status is free-form in the API's description; docs/collector.md says what is in it. */

import { num } from "./speech.svelte";

export interface Broker {
  id: string;
  host: string;
  port: number;
  state: string;
  detail: string;
  messages: number;
  readings: number;
  refused: Record<string, number>;
  last_message: string | null;
}

export interface CollectorStatus {
  started_at: string;
  brokers: Broker[];
  spool: { records: number; bytes_used: number; bytes_limit: number; full: boolean; detail: string; set_aside: number };
  drain: { state: string; detail: string; rows: number; last_delivery: string | null };
  events: { kind: string; device: string; line_id: string; was: string | null; now: string | null; time: string }[];
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in the largest unit that fits. */
export function bytes(value: number): string {
  let at = 0;
  let left = value;
  while (left >= 1000 && at < UNITS.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${num(left, at > 0 && left < 10 ? 1 : 0)} ${UNITS[at]}`;
}
