// Names for the cards. Elements have none of their own; these move with what is done in the list,
// so that a card keeps its focus and what it remembers.
import { useMemo, useState } from 'react';
import { newId } from '@/lib/ids';

export interface ElementKeys {
  moved: (from: number, to: number) => void;
  removed: (index: number) => void;
  inserted: (index: number) => void;
}

export function useElementKeys(count: number): [string[], ElementKeys] {
  const [keys, setKeys] = useState<string[]>([]);
  if (keys.length !== count) {
    setKeys(Array.from({ length: count }, (_, i) => keys[i] ?? newId()));
  }
  const change = useMemo<ElementKeys>(
    () => ({
      moved: (from, to) => setKeys((list) => list.toSpliced(from, 1).toSpliced(to, 0, list[from] ?? newId())),
      removed: (index) => setKeys((list) => list.toSpliced(index, 1)),
      inserted: (index) => setKeys((list) => list.toSpliced(index, 0, newId())),
    }),
    [],
  );
  return [keys, change];
}
