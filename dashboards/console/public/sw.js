// Keeps the page and a technician's day for where there is no reception. Registered by the page "My day" only.
const SHELL = "lightline-shell-1";
const DAY = "lightline-day-1";
const KEPT = ["/api/v1/session", "/api/v1/system", "/api/v1/visits"];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** The newest answer; the kept one, marked as such, where there is none. A refusal is an answer too, and is not kept. */
async function newestFirst(request, name) {
  const cache = await caches.open(name);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set("X-Lightline-Kept", "1");
    return new Response(await kept.blob(), { status: kept.status, headers });
  }
}

async function keptFirst(request) {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

/** Who signs out, or in as somebody else, leaves nothing behind on the phone. */
async function forgetting(request) {
  const answer = await fetch(request);
  await caches.delete(DAY);
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (url.pathname === "/api/v1/session" && request.method !== "GET") event.respondWith(forgetting(request));
  else if (request.method !== "GET") return;
  else if (KEPT.includes(url.pathname)) event.respondWith(newestFirst(request, DAY));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(keptFirst(request)); // named by their content
  else if (url.pathname === "/" || url.pathname === "/index.html") event.respondWith(newestFirst(request, SHELL));
});

// what the page loaded before this worker was there
self.addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(Promise.all(event.data.keep.map((path) => (path.startsWith("/assets/") ? keptFirst(new Request(path)) : newestFirst(new Request(path), path.startsWith("/api/") ? DAY : SHELL)))));
});
