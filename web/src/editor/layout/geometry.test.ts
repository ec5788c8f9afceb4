import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBox, type Box } from '@/document/caption';
import { boxAt, boxOf, cycle, gridLines, HANDLES, MIN, moveAll, overlap, resizeBox, snap, targetsOf, valid, withEdge } from './geometry';

const number = fc.double({ min: -3000, max: 3000, noNaN: true });
const box: fc.Arbitrary<Box> = fc.tuple(number, number, number, number).map((n) => valid(...n));
const isGood = (b: Box) => isBox([...b]) && b[2] - b[0] >= MIN && b[3] - b[1] >= MIN;

describe('geometry', () => {
  it('makes boxes only', () => {
    fc.assert(
      fc.property(box, number, number, fc.constantFrom(...HANDLES), fc.boolean(), fc.boolean(), (b, dx, dy, handle, keepRatio, fromCentre) => {
        expect(isGood(b)).toBe(true);
        expect(isGood(boxOf({ x: dx, y: dy }, { x: dy, y: dx }))).toBe(true);
        expect(isGood(boxAt({ x: dx, y: dy }))).toBe(true);
        const resized = resizeBox(b, handle, dx, dy, { keepRatio, fromCentre });
        expect(isGood(resized)).toBe(true);
        for (const edge of [0, 1, 2, 3] as const) expect(isGood(withEdge(b, edge, dx))).toBe(true);
      }),
    );
  });

  it('moves boxes together without changing them', () => {
    fc.assert(
      fc.property(fc.array(box, { minLength: 1, maxLength: 5 }), number, number, (boxes, dx, dy) => {
        const moved = moveAll(boxes, dx, dy);
        moved.forEach((m, i) => {
          const b = boxes[i]!;
          expect(isGood(m)).toBe(true);
          expect([m[2] - m[0], m[3] - m[1]]).toEqual([b[2] - b[0], b[3] - b[1]]);
        });
      }),
    );
  });

  it('leaves the opposite edges alone', () => {
    fc.assert(
      fc.property(box, number, number, (b, dx, dy) => {
        const se = resizeBox(b, 'se', dx, dy);
        expect([se[0], se[1]]).toEqual([b[0], b[1]]);
        const n = resizeBox(b, 'n', dx, dy);
        expect([n[1], n[2], n[3]]).toEqual([b[1], b[2], b[3]]);
      }),
    );
  });

  it('keeps the ratio', () => {
    const b: Box = [200, 200, 400, 600];
    expect(resizeBox(b, 'se', 200, 0, { keepRatio: true })).toEqual([200, 200, 500, 800]);
    expect(resizeBox(b, 'se', 5000, 0, { keepRatio: true })).toEqual([200, 200, 600, 1000]);
    expect(resizeBox(b, 'e', 100, 0, { fromCentre: true })).toEqual([200, 100, 400, 700]);
  });

  it('snaps to what is near and says where', () => {
    const targets = targetsOf([[100, 100, 300, 300]], 'thirds');
    const found = snap([400, 104, 600, 250], null, targets, 6, 6);
    expect(found.dx).toBe(-4);
    expect(found.guides.find((g) => g.axis === 'x')).toMatchObject({ at: 100, from: 100, to: 600, label: '100' });
    expect(snap([411, 150, 471, 170], 'n', targets, 6, 6)).toEqual({ dx: 0, dy: 0, guides: [] });
    expect(gridLines('12')).toHaveLength(11);
  });

  it('walks through what lies on each other', () => {
    expect(cycle([0, 2, 5], undefined)).toBe(5);
    expect(cycle([0, 2, 5], 5)).toBe(2);
    expect(cycle([0, 2, 5], 0)).toBe(5);
    expect(cycle([], 1)).toBe(undefined);
    expect(overlap([0, 0, 100, 100], [50, 60, 200, 200])).toEqual([50, 60, 100, 100]);
    expect(overlap([0, 0, 100, 100], [100, 0, 200, 200])).toBeNull();
  });
});
