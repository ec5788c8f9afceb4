// What the page keeps in the browser. Keys begin with "i4."; every value is {v, data} and is
// checked when it is read. A value that is not what it should be is set aside, never thrown at
// anybody (D25); a storage that is absent or full costs only what it would have kept.
import * as v from 'valibot';

const PREFIX = 'i4.';
const VERSION = 1;
const SIZE_MAX = 2_000_000; // characters of one value

let troubles = new Set<string>();
let isFrozen = false;

/** From here on nothing is kept any more, until the page is loaded again: what lies there is newer. */
export function freeze(): void {
  isFrozen = true;
}

/** Keys whose values were set aside since the last call. */
export function takeTroubles(): string[] {
  const list = [...troubles];
  troubles = new Set();
  return list;
}

function area(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

function setAside(key: string, raw: string): void {
  troubles.add(key);
  try {
    area()?.setItem(`${PREFIX}corrupt:${key}`, raw.slice(0, 100_000));
    area()?.removeItem(PREFIX + key);
  } catch {
    // no room for it: then it is gone
  }
}

export function load<T>(key: string, schema: v.GenericSchema<unknown, T>): T | undefined {
  let raw: string | null | undefined;
  try {
    raw = area()?.getItem(PREFIX + key);
  } catch {
    return undefined;
  }
  if (raw == null) return undefined;
  try {
    if (raw.length > SIZE_MAX) throw new Error('too large');
    const stored = v.parse(v.object({ v: v.literal(VERSION), data: v.unknown() }), JSON.parse(raw));
    return v.parse(schema, stored.data);
  } catch {
    setAside(key, raw);
    return undefined;
  }
}

/** False when it could not be kept. */
export function save(key: string, data: unknown): boolean {
  if (isFrozen) return true;
  try {
    const store = area();
    store?.setItem(PREFIX + key, JSON.stringify({ v: VERSION, data }));
    return store !== undefined;
  } catch {
    return false;
  }
}

export function forget(key: string): void {
  if (isFrozen) return;
  try {
    area()?.removeItem(PREFIX + key);
  } catch {
    // nothing there
  }
}

/** Calls back when another tab changed the key. */
export function watch(key: string, changed: () => void): () => void {
  const listen = (e: StorageEvent) => {
    if (e.key === PREFIX + key) changed();
  };
  window.addEventListener('storage', listen);
  return () => window.removeEventListener('storage', listen);
}
