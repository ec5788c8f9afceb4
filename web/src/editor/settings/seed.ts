// Which seeds were used up. A seed that is not kept (locked) serves one picture; the next one is
// drawn anew, although the field still shows the last one.
import * as v from 'valibot';
import { create } from 'zustand';
import type { DraftKey } from '@/document/store';
import { load, save } from '@/lib/storage';

const Used = v.record(v.string(), v.string());
const KEPT = 50; // drafts

const useUsed = create<{ used: Record<DraftKey, string> }>()(() => ({ used: load('seeds', Used) ?? {} }));

const check = (used: Record<DraftKey, string>, key: DraftKey, seed: string): boolean =>
  seed !== '' && used[key] === seed;

export const isUsed = (key: DraftKey, seed: string): boolean => check(useUsed.getState().used, key, seed);
export const useIsUsed = (key: DraftKey, seed: string): boolean => useUsed((s) => check(s.used, key, seed));

export function markUsed(key: DraftKey, seed: string): void {
  const others = Object.entries(useUsed.getState().used).filter(([other]) => other !== key);
  const used = Object.fromEntries([...others.slice(1 - KEPT), [key, seed]]);
  useUsed.setState({ used });
  save('seeds', used);
}

/** Typed or rolled again: wanted. */
export function unmark(key: DraftKey): void {
  if (useUsed.getState().used[key]) markUsed(key, '');
}
