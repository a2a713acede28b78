/** Who is signed in, and what the service says about itself (zone, areas, fields): asked once, kept for all pages. */

import { Failure, get, signOut, whenSignedOut, type Schemas } from "../api/client";
import { enterWith } from "../api/people";

export type Right = "read" | "ask" | "customers" | "tickets" | "metrics" | "export" | "people" | "audit" | "plant" | "settings" | "rules";

interface Session {
  /** `asking` until the service has said who we are. */
  state: "asking" | "out" | "in" | "unreachable";
  who: Schemas["SessionPage"] | null;
  system: Schemas["System"] | null;
}

export const session: Session = $state({ state: "asking", who: null, system: null });

whenSignedOut(() => {
  session.state = "out";
  session.who = null;
});

async function enter(who: Schemas["SessionPage"]): Promise<void> {
  // an account that is not ready may not even ask that: its own page comes first
  session.system = who.unfinished ? null : await get("/api/v1/system");
  session.who = who;
  session.state = "in";
}

export async function resume(): Promise<void> {
  session.state = "asking";
  try {
    await enter(await get("/api/v1/session"));
  } catch (error) {
    session.state = error instanceof Failure && error.status === 401 ? "out" : "unreachable";
  }
}

/** Rejects with a Failure where the token, or name, password and code are refused. */
export async function begin(asked: Schemas["SignIn"]): Promise<void> {
  await enter(await enterWith(asked));
}

export async function end(): Promise<void> {
  try {
    await signOut();
  } finally {
    session.state = "out";
    session.who = null;
  }
}

export function may(right: Right): boolean {
  return session.who?.rights.includes(right) ?? false;
}

export function areaName(id: string | null): string {
  return session.system?.areas.find((area) => area.id === id)?.name ?? id ?? "–";
}

export function gridName(id: string | null): string {
  for (const area of session.system?.areas ?? []) {
    const found = area.grids.find((grid) => grid.id === id);
    if (found) return found.name;
  }
  return id ?? "–";
}

export function field(name: string): Schemas["FieldName"] | undefined {
  return session.system?.fields.find((known) => known.name === name);
}
