// Everything that this browser keeps for the page, as one file, and back (B28). Only our own keys;
// what is read is checked where it is used.
import { entries, set } from 'idb-keyval';
import * as v from 'valibot';

const PREFIX = 'i4.';
const KIND = 'ideogram4-page';
const FILE_MAX = 50_000_000;

const Backup = v.object({
  kind: v.literal(KIND),
  local: v.record(v.string(), v.string()),
  database: v.fallback(v.record(v.string(), v.unknown()), {}),
});

const isOurs = (key: unknown): key is string =>
  typeof key === 'string' && key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}corrupt:`);

async function collect(): Promise<v.InferOutput<typeof Backup>> {
  const local: Record<string, string> = {};
  try {
    for (const key of Object.keys(localStorage)) {
      if (isOurs(key)) local[key] = localStorage.getItem(key) ?? '';
    }
  } catch {
    // a storage that throws keeps nothing
  }
  const database: Record<string, unknown> = {};
  const stored = await entries<IDBValidKey, unknown>().catch(() => []);
  for (const [key, value] of stored) if (isOurs(key)) database[key] = value;
  return { kind: KIND, local, database };
}

export async function exportAll(): Promise<void> {
  const text = JSON.stringify(await collect(), null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `ideogram4-page-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** How many values were taken over; null: the file is no export. */
export async function importAll(file: File): Promise<number | null> {
  try {
    if (file.size > FILE_MAX) return null;
    const backup = v.parse(Backup, JSON.parse(await file.text()));
    let count = 0;
    for (const [key, value] of Object.entries(backup.local).filter(([key]) => isOurs(key))) {
      localStorage.setItem(key, value);
      count++;
    }
    for (const [key, value] of Object.entries(backup.database).filter(([key]) => isOurs(key))) {
      await set(key, value);
      count++;
    }
    return count;
  } catch {
    return null;
  }
}
