// Parts that the first paint does not need: their scripts come when they are shown, or as soon as
// the page has nothing else to do, so that they are there even if the gateway goes meanwhile.
import { lazy, Suspense, type ComponentType } from 'react';

const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000];

/** The gateway may be away for a while; what still is not there then is an error of the part. */
async function insist<T>(load: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await load();
    } catch {
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  return load();
}

const waiting: (() => Promise<unknown>)[] = [];

export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  waiting.push(load);
  const Part = lazy(async () => ({ default: await insist(load) }));
  return function Later(props: P) {
    return (
      <Suspense fallback={null}>
        <Part {...props} />
      </Suspense>
    );
  };
}

const PAUSE_MS = 1500;

/** Fetches one part after the other while the page is idle. */
export function loadTheRest(): void {
  const next = () => {
    const load = waiting.shift();
    if (load) void load().then(soon, soon);
  };
  const soon = () => ('requestIdleCallback' in window ? requestIdleCallback(next) : setTimeout(next, 50));
  setTimeout(soon, PAUSE_MS);
}
