// Locks and hiding belong to elements, which have no names: after an edit of any kind, each is looked
// for among the new ones, first the same in all, then the same in what it says, then at its place.
import type { Element } from '@/document/caption';

const whole = (e: Element): string => JSON.stringify([e.kind, e.text, e.desc, e.box, e.palette]);
const words = (e: Element): string => JSON.stringify([e.kind, e.text, e.desc]);

/** Where the elements at `places` are now; those that are gone are left out. */
export function follow(places: readonly number[], before: readonly Element[], now: readonly Element[]): number[] {
  const sameAt = (i: number, say: (e: Element) => string): boolean => {
    const [a, b] = [before[i], now[i]];
    return a !== undefined && b !== undefined && say(a) === say(b);
  };
  const found = places.map((i) => {
    const old = before[i];
    if (!old) return null;
    for (const say of [whole, words]) {
      if (sameAt(i, say)) return i;
      const at = now.findIndex((e, j) => say(e) === say(old) && !sameAt(j, say));
      if (at >= 0) return at;
    }
    return before.length === now.length ? i : null;
  });
  return [...new Set(found)].filter((i) => i !== null);
}
