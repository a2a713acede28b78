/** What the service tells by itself: one stream a tab, none while nobody looks. Where it is lost, pages ask as before. */

export type Topic = "ticket" | "finding" | "health" | "readings";

const TOPICS: readonly Topic[] = ["ticket", "finding", "health", "readings"];
const AGAIN_MS = 30_000; // after a refusal, which the browser takes as final

export const live: { on: boolean } = $state({ on: false });

const listeners = new Set<(topic: Topic) => void>();
const told = new Map<Topic, string>();
let source: EventSource | null = null;
let waiting: ReturnType<typeof setTimeout> | undefined;
let last = "";

/** Be told of what happens; what is given back ends it. */
export function heed(listener: (topic: Topic) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Hold the stream open while the tab is seen; what is given back ends it. */
export function follow(): () => void {
  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
    last = "";
    told.clear();
  };
}

function turn(): void {
  if (document.hidden) close();
  else if (!source) open();
}

function open(): void {
  // the browser's own reconnecting names the last event by itself; a stream that is opened anew must say it
  const stream = new EventSource(`/api/v1/events${last ? `?after=${encodeURIComponent(last)}` : ""}`);
  source = stream;
  stream.addEventListener("ready", (event) => {
    last = event.lastEventId;
    live.on = true;
  });
  for (const topic of TOPICS) stream.addEventListener(topic, (event) => hear(topic, event as MessageEvent<string>));
  stream.onerror = () => {
    live.on = false;
    if (stream.readyState !== EventSource.CLOSED || source !== stream) return;
    source = null;
    waiting = setTimeout(turn, AGAIN_MS);
  };
}

function close(): void {
  clearTimeout(waiting);
  source?.close();
  source = null;
  live.on = false;
}

function hear(topic: Topic, event: MessageEvent<string>): void {
  last = event.lastEventId;
  const before = told.get(topic);
  told.set(topic, event.data);
  // how things stand is told anew whenever a stream begins: it is news only where it differs from what was told
  const standing = topic === "health" || topic === "readings";
  if (standing && (before === undefined || before === event.data)) return;
  for (const listener of listeners) listener(topic);
}
