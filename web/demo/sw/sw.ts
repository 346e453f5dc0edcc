// Makes the page work without a network. Every build has its own cache, filled completely and checked byte for byte
// before the build is used, so a page never runs on a mixture of two builds; a new build waits until the person asks
// for it or all the page's tabs are closed.

interface Asset {
  readonly url: string;
  /** `sha256-…`: a file of another build fails the installation. */
  readonly integrity: string;
}

// Written in by the build.
declare const ASSETS: readonly Asset[];
declare const VERSION: string;

declare const self: ServiceWorkerGlobalScope;
const PREFIX = "nextbest-";
const CACHE = PREFIX + VERSION;

self.addEventListener("install", (event) => {
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOtherBuilds());
});

self.addEventListener("message", (event) => {
  if (event.data === "use-this-version") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event.request));
});

async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(ASSETS.map(({ url, integrity }) => new Request(url, { integrity, cache: "no-cache" })));
}

async function dropOtherBuilds(): Promise<void> {
  const names = await caches.keys();
  const stale = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(stale.map((name) => caches.delete(name)));
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
