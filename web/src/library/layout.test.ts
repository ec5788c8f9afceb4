import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bandAt, bandOf, layOut, neighbour, shownRatio, thumbSide, type Options, type Row } from './layout';

const options: Options = { width: 1000, height: 200, gap: 4, heading: 40, day: null, total: 0 };
const square = { w: 100, h: 100 };
const rowsOf = (bands: { kind: string }[]) => bands.filter((b): b is Row => b.kind === 'row');

describe('layOut', () => {
  it('fills full rows to the pixel and leaves the last one at the wished height', () => {
    const { bands } = layOut(Array.from({ length: 12 }, () => square), options);
    const rows = rowsOf(bands);
    expect(rows.map((r) => r.to - r.from)).toEqual([5, 5, 2]);
    const first = rows[0]!;
    expect(first.widths.reduce((a, b) => a + b, 0) + 4 * 4).toBe(1000);
    expect(rows[2]!.h).toBe(200);
    expect(rows[2]!.widths).toEqual([200, 200]);
  });

  it('keeps the order and places every picture once, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ w: fc.integer({ min: 1, max: 4096 }), h: fc.integer({ min: 1, max: 4096 }) })),
        fc.integer({ min: 120, max: 3000 }),
        (items, width) => {
          const { bands, height } = layOut(items, { ...options, width, total: items.length });
          const seen = rowsOf(bands).flatMap((r) => r.widths.map((_, i) => r.from + i));
          expect(seen).toEqual(items.map((_, i) => i));
          let y = 0;
          for (const band of bands) {
            expect(band.y).toBe(y);
            y += band.h + (band.kind === 'day' ? 0 : 4);
          }
          expect(height).toBe(y);
          for (const r of rowsOf(bands)) {
            expect(r.widths.reduce((a, b) => a + b, 0) + 4 * (r.widths.length - 1)).toBeLessThanOrEqual(width + 1);
            expect(r.h).toBeLessThanOrEqual(330);
          }
        },
      ),
    );
  });

  it('begins a row at each day', () => {
    const days = ['b', 'b', 'b', 'a'];
    const { bands } = layOut(Array.from({ length: 4 }, () => square), { ...options, day: (i) => days[i]!, total: 4 });
    expect(bands.map((b) => b.kind)).toEqual(['day', 'row', 'day', 'row']);
    expect(bands[2]).toMatchObject({ key: 'da', from: 3, y: 244 });
  });

  it('keeps room for what is not loaded', () => {
    const { bands } = layOut(Array.from({ length: 5 }, () => square), { ...options, total: 100 });
    const blanks = bands.filter((b) => b.kind === 'blank');
    expect(blanks[0]).toMatchObject({ from: 5, to: 10 });
    expect(blanks.at(-1)).toMatchObject({ to: 100 });
  });

  it('does nothing without a width', () => {
    expect(layOut([square], { ...options, width: 0 })).toEqual({ bands: [], height: 0 });
  });
});

describe('places', () => {
  const items = [square, square, { w: 400, h: 100 }, square, square, square, square, square, square, square];
  const days = ['c', 'c', 'c', 'b', 'b', 'b', 'b', 'b', 'b', 'a'];
  const { bands } = layOut(items, { ...options, day: (i) => days[i]!, total: 10 });

  it('finds the band of a picture and of a height', () => {
    for (const [i, band] of bands.entries()) {
      if (band.kind !== 'row') continue;
      for (let k = band.from; k < band.to; k++) expect(bandOf(bands, k)).toBe(i);
      expect(bandAt(bands, band.y + 1)).toBe(i);
    }
    expect(bandAt(bands, -5)).toBe(0);
    expect(bandOf(bands, 0)).toBe(1);
  });

  it('moves up and down to the nearest middle, and stays at the edges', () => {
    expect(neighbour(bands, 0, -1, 4)).toBe(0);
    expect(neighbour(bands, 0, 1, 4)).toBeGreaterThan(0);
    expect(neighbour(bands, 9, 1, 4)).toBe(9);
    expect(neighbour(bands, 9, -1, 4)).toBe(8);
  });

  it('bounds ratios and picks a thumbnail that is sharp', () => {
    expect(shownRatio({ w: 4000, h: 100 })).toBe(4);
    expect(shownRatio({ w: 0, h: 0 })).toBe(1);
    expect([thumbSide(150, 100, 1), thumbSide(150, 100, 2), thumbSide(300, 200, 2)]).toEqual([160, 320, 640]);
  });
});
