// A rectangle drawn over the pictures: all that it touches are selected.
import type { Band } from './layout';
import type { Selection } from './selection';

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function boxOf(x1: number, y1: number, x2: number, y2: number): Box {
  return { left: Math.min(x1, x2), top: Math.min(y1, y2), right: Math.max(x1, x2), bottom: Math.max(y1, y2) };
}

/** Indices of the pictures that a rectangle touches; bands are in order from top to bottom. */
export function touched(bands: readonly Band[], box: Box, gap: number): number[] {
  const found: number[] = [];
  for (const band of bands) {
    if (band.y > box.bottom) break;
    if (band.kind !== 'row' || band.y + band.h < box.top) continue;
    let x = 0;
    for (const [i, width] of band.widths.entries()) {
      if (x <= box.right && x + width >= box.left) found.push(band.from + i);
      x += width + gap;
    }
  }
  return found;
}

/** With Ctrl or Shift besides what is selected, else instead of it. */
export function marked(before: Selection, ids: readonly number[], isAdding: boolean): Selection {
  if (!isAdding) return { kind: 'some', ids: new Set(ids) };
  if (before.kind === 'some') return { kind: 'some', ids: new Set([...before.ids, ...ids]) };
  const now = new Set(ids);
  return { kind: 'all', except: new Set([...before.except].filter((id) => !now.has(id))) };
}
