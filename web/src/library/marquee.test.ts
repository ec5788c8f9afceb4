import { expect, test } from 'vitest';
import type { Band } from './layout';
import { boxOf, marked, touched } from './marquee';
import { EVERYTHING } from './selection';

const bands: Band[] = [
  { kind: 'day', key: 'd', y: 0, h: 40, from: 0 },
  { kind: 'row', key: 'a', y: 40, h: 100, from: 0, to: 3, widths: [100, 50, 80] },
  { kind: 'row', key: 'b', y: 144, h: 100, from: 3, to: 5, widths: [120, 120] },
];

test('what a rectangle touches', () => {
  expect(touched(bands, boxOf(110, 60, 102, 50), 4)).toEqual([1]);
  expect(touched(bands, boxOf(0, 130, 20, 150), 4)).toEqual([0, 3]);
  expect(touched(bands, boxOf(0, 0, 500, 500), 4)).toEqual([0, 1, 2, 3, 4]);
  expect(touched(bands, boxOf(0, 0, 500, 30), 4)).toEqual([]);
});

test('instead of or besides what is selected', () => {
  const before = { kind: 'some' as const, ids: new Set([1]) };
  expect(marked(before, [2], false)).toEqual({ kind: 'some', ids: new Set([2]) });
  expect(marked(before, [2], true)).toEqual({ kind: 'some', ids: new Set([1, 2]) });
  expect(marked({ ...EVERYTHING, kind: 'all', except: new Set([2, 3]) }, [2], true)).toEqual({ kind: 'all', except: new Set([3]) });
});
