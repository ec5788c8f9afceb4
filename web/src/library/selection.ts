// Which pictures are selected: some, or all that the filter leaves but a few, also those that were
// never loaded.

export type Selection =
  | { kind: 'some'; ids: ReadonlySet<number> }
  | { kind: 'all'; except: ReadonlySet<number> };

export const NOTHING: Selection = { kind: 'some', ids: new Set() };
export const EVERYTHING: Selection = { kind: 'all', except: new Set() };

export function isSelected(s: Selection, id: number): boolean {
  return s.kind === 'some' ? s.ids.has(id) : !s.except.has(id);
}

export function countOf(s: Selection, total: number): number {
  return s.kind === 'some' ? s.ids.size : Math.max(0, total - s.except.size);
}

function flipped(ids: ReadonlySet<number>, id: number): Set<number> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}

export function toggle(s: Selection, id: number): Selection {
  return s.kind === 'some'
    ? { kind: 'some', ids: flipped(s.ids, id) }
    : { kind: 'all', except: flipped(s.except, id) };
}

/** From the last one touched to this one, both included, besides what is selected already. */
export function extend(s: Selection, order: readonly number[], from: number, to: number): Selection {
  const a = order.indexOf(from);
  const b = order.indexOf(to);
  if (b === -1) return s;
  const range = order.slice(a === -1 ? b : Math.min(a, b), (a === -1 ? b : Math.max(a, b)) + 1);
  if (s.kind === 'some') return { kind: 'some', ids: new Set([...s.ids, ...range]) };
  const inRange = new Set(range);
  return { kind: 'all', except: new Set([...s.except].filter((id) => !inRange.has(id))) };
}

/** Without pictures that are gone. */
export function drop(s: Selection, gone: ReadonlySet<number>): Selection {
  if (s.kind === 'some') return { kind: 'some', ids: new Set([...s.ids].filter((id) => !gone.has(id))) };
  return { kind: 'all', except: new Set([...s.except].filter((id) => !gone.has(id))) };
}

/** Where the focus goes when pictures go: to the next one that stays, else to the one before. */
export function heir(order: readonly number[], gone: (id: number) => boolean, at: number): number | null {
  const start = order.indexOf(at);
  if (start === -1) return order.find((id) => !gone(id)) ?? null;
  return (
    order.slice(start).find((id) => !gone(id)) ??
    order.slice(0, start).findLast((id) => !gone(id)) ??
    null
  );
}
