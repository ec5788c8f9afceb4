import { expect, test } from 'vitest';
import { SEED_MAX } from '@/lib/ids';
import { parseSeeds, seedsOf, SEEDS_MOST } from './seeds';

test('a list has numbers and ranges, each seed once', () => {
  expect(parseSeeds('3, 7 12-15;3').seeds).toEqual([3, 7, 12, 13, 14, 15]);
  expect(parseSeeds('10 – 12').seeds).toEqual([10, 11, 12]);
  expect(parseSeeds('')).toEqual({ seeds: [], bad: null, isCut: false });
});

test('what is no seed is named', () => {
  for (const bad of ['x', '1.5', '-1', String(SEED_MAX + 1), '9-3']) expect(parseSeeds(`1, ${bad}`).bad).toBe(bad);
});

test('a range that is too long is cut', () => {
  const { seeds, isCut } = parseSeeds(`0-${SEED_MAX}`);
  expect(seeds.length).toBe(SEEDS_MOST);
  expect(isCut).toBe(true);
});

test('random ones differ, following ones follow, also beyond the end', () => {
  expect(new Set(seedsOf({ kind: 'random', count: 9 }).seeds).size).toBe(9);
  expect(seedsOf({ kind: 'following', first: SEED_MAX, count: 3 }).seeds).toEqual([SEED_MAX, 0, 1]);
});
