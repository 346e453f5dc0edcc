// Keeps the page on this device, and offers a newer build without forcing it.

import { byId } from "./dom.js";

export async function keepOffline(): Promise<void> {
  const status = byId("offline", HTMLElement);
  if (!("serviceWorker" in navigator)) {
    status.textContent = "This browser cannot keep the page offline.";
    return;
  }
  try {
    const registration = await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
    watchForUpdate(registration);
    await activated(registration);
    status.textContent = "Ready to work offline.";
    status.dataset["ready"] = "true";
  } catch {
    status.textContent = "Not kept offline: the browser refused, or a file changed meanwhile.";
  }
}

// `navigator.serviceWorker.ready` would wait for ever where the installation fails.
function activated({ active, installing, waiting }: ServiceWorkerRegistration): Promise<void> {
  const worker = active ?? waiting ?? installing;
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (worker?.state === "activated") resolve();
      if (!worker || worker.state === "redundant") reject(new Error("the installation failed"));
    };
    worker?.addEventListener("statechange", check);
    check();
  });
}

function watchForUpdate(registration: ServiceWorkerRegistration): void {
  const offer = (): void => {
    // Without a controller this is the first visit: the build that is waiting is the one that is running.
    if (registration.waiting && navigator.serviceWorker.controller) byId("update", HTMLElement).hidden = false;
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  byId("update-now", HTMLButtonElement).addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    registration.waiting?.postMessage("use-this-version");
  });
}
