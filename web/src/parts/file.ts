// Saved parts as a file, and back.
import * as v from 'valibot';
import { saveJson } from '@/lib/save-json';
import { addParts, allParts, Part, readable } from './store';

const KIND = 'ideogram4-parts';
const FILE_MAX = 20_000_000;
const Export = v.object({ kind: v.literal(KIND), parts: v.array(v.unknown()) });

export const exportParts = (): void => saveJson(KIND, { kind: KIND, parts: allParts() });

/** What two parts have in common when they are the same: all but the id, in whatever order. */
const sameness = (part: Part): string =>
  JSON.stringify(
    Object.entries(part)
      .filter(([key]) => key !== 'id')
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );

/** The parts of an exported text that are not there yet; null: it is no export. */
export function partsIn(text: string, there: Part[]): Part[] | null {
  try {
    const { parts } = v.parse(Export, JSON.parse(text));
    const known = new Set(there.map(sameness));
    return readable(parts, Part).filter((part) => {
      const key = sameness(part);
      return !known.has(key) && known.add(key);
    });
  } catch {
    return null;
  }
}

export async function importParts(file: File): Promise<{ count: number } | 'notParts' | 'full'> {
  if (file.size > FILE_MAX) return 'notParts';
  const fresh = partsIn(await file.text(), allParts());
  if (!fresh) return 'notParts';
  return fresh.length === 0 || addParts(fresh) ? { count: fresh.length } : 'full';
}
