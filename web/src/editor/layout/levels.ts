// The worst that the check says of each element, for marks on boxes and rows. Hints are no marks.
import { useMemo } from 'react';
import type { Level } from '@/document/lint';
import { useLint } from '@/document/use-lint';

export type Levels = ReadonlyMap<number, Exclude<Level, 'hint'>>;

export function useLevels(): Levels {
  const items = useLint();
  return useMemo(() => {
    const levels = new Map<number, Exclude<Level, 'hint'>>();
    for (const { level, path, also } of items) {
      if (level === 'hint') continue;
      for (const part of [path, also ?? []]) {
        const index = part[1] === 'elements' ? part[2] : undefined;
        if (typeof index === 'number' && levels.get(index) !== 'error') levels.set(index, level);
      }
    }
    return levels;
  }, [items]);
}
