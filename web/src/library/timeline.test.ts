import { describe, expect, it } from 'vitest';
import { bucketAt, marksOf } from './timeline';

const buckets = [
  { date: '2026-02-02', count: 10 },
  { date: '2026-01-30', count: 30 },
  { date: '2025-12-31', count: 60 },
];

describe('timeline', () => {
  it('finds the day of a picture', () => {
    expect([0, 9, 10, 39, 40, 99, 500].map((i) => bucketAt(buckets, i))).toEqual([
      { bucket: 0, first: 0 },
      { bucket: 0, first: 0 },
      { bucket: 1, first: 10 },
      { bucket: 1, first: 10 },
      { bucket: 2, first: 40 },
      { bucket: 2, first: 40 },
      { bucket: 2, first: 40 },
    ]);
    expect(bucketAt([], 3)).toEqual({ bucket: 0, first: 0 });
  });
  it('marks months and changes of the year, apart from each other', () => {
    expect(marksOf(buckets, 0.05)).toEqual([
      { key: '2026-02', part: 0, year: null },
      { key: '2026-01', part: 0.1, year: null },
      { key: '2025-12', part: 0.4, year: '2025' },
    ]);
    expect(marksOf(buckets, 0.2).map((m) => m.key)).toEqual(['2026-02', '2025-12']);
    expect(marksOf([], 0.2)).toEqual([]);
  });
});
