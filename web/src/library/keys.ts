// What keys do in the grid, as far as it is the same everywhere.
import { bandOf, GAP, neighbour, type Band } from './layout';

export interface GridKeys {
  onFavorite: (id: number) => void;
  /** Other keys; true: it was one of them. */
  onKey: (e: React.KeyboardEvent, id: number) => boolean;
}

export type MoveKey = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>;

/** The index that a key leads to; null: the key moves nothing. */
export function keyMove(e: MoveKey, bands: readonly Band[], index: number, count: number, page: number): number | null {
  if (e.altKey) return null;
  const isFar = e.ctrlKey || e.metaKey;
  const row = bands[bandOf(bands, index)];
  const many = (step: 1 | -1) => {
    let at = index;
    for (let i = 0; i < page; i++) at = neighbour(bands, at, step, GAP);
    return at;
  };
  switch (e.key) {
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'ArrowRight':
      return Math.min(count - 1, index + 1);
    case 'ArrowUp':
      return neighbour(bands, index, -1, GAP);
    case 'ArrowDown':
      return neighbour(bands, index, 1, GAP);
    case 'PageUp':
      return many(-1);
    case 'PageDown':
      return many(1);
    case 'Home':
      return isFar || row?.kind !== 'row' ? 0 : row.from;
    case 'End':
      return isFar || row?.kind !== 'row' ? count - 1 : row.to - 1;
    default:
      return null;
  }
}
