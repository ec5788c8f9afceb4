// Everything that this browser keeps for the page, as one file, and back (B28). Only our own keys;
// what is read is checked where it is used.
import { del, entries, set } from 'idb-keyval';
import * as v from 'valibot';
import { saveJson } from '@/lib/save-json';
import { freeze } from '@/lib/storage';

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

export const exportAll = async (): Promise<void> => saveJson(KIND, await collect());

export type Backup = v.InferOutput<typeof Backup>;

/** null: the file is no export. */
export async function readBackup(file: File): Promise<Backup | null> {
  try {
    if (file.size > FILE_MAX) return null;
    const { local, database, kind } = v.parse(Backup, JSON.parse(await file.text()));
    const ours = <T>(record: Record<string, T>) => Object.fromEntries(Object.entries(record).filter(([key]) => isOurs(key)));
    return { kind, local: ours(local), database: ours(database) };
  } catch {
    return null;
  }
}

export const countOf = (backup: Backup): number =>
  new Set([...Object.keys(backup.local), ...Object.keys(backup.database)]).size;

/** Whether all of it was taken over; afterwards the page has to be loaded again. */
export async function takeBackup(backup: Backup): Promise<boolean> {
  freeze();
  try {
    for (const [key, value] of Object.entries(backup.database)) await set(key, value);
    for (const [key, value] of Object.entries(backup.local)) localStorage.setItem(key, value);
    // A draft lies in both places, and the newer one counts: none of today's may be left beside it.
    for (const key of Object.keys(backup.database)) if (!(key in backup.local)) localStorage.removeItem(key);
    for (const key of Object.keys(backup.local)) if (!(key in backup.database)) await del(key);
    return true;
  } catch {
    return false;
  }
}
