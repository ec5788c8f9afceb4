import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FALLBACK_LIMITS, RATIOS, fit, isPossible, nameOf, nearest, nearestStop, ratioOf, stops } from './size';

const demo = { min: 256, max: 2048, multiple: 16, default: 256, pixels: 65536 };

describe('sizes', () => {
  it('has only presets that the server takes (D13)', () => {
    for (const r of RATIOS) expect(isPossible(r.full, FALLBACK_LIMITS), r.name).toBe(true);
    expect(RATIOS.find((r) => r.name === 'social')?.full).toEqual({ width: 1584, height: 400 });
  });

  it('finds the original sizes from ratio and area', () => {
    for (const r of RATIOS) {
      const size = fit(r.ratio, r.full.width * r.full.height, FALLBACK_LIMITS);
      expect(size, r.name).toEqual(r.full);
    }
  });

  it('makes possible sizes of every ratio and area under every limit', () => {
    const limits = fc
      .record({ low: fc.integer({ min: 2, max: 16 }), more: fc.integer({ min: 0, max: 64 }), multiple: fc.constantFrom(8, 16, 32) })
      .map(({ low, more, multiple }) => ({
        min: low * multiple,
        max: (low + more) * multiple,
        multiple,
        default: low * multiple,
        pixels: (low * multiple) ** 2,
      }));
    fc.assert(
      fc.property(limits, fc.double({ min: 0.05, max: 20, noNaN: true }), fc.integer({ min: 1, max: 1e7 }), (l, ratio, px) => {
        expect(isPossible(fit(ratio, px, l), l)).toBe(true);
        for (const s of stops(ratio, l)) expect(isPossible(s, l)).toBe(true);
        expect(isPossible(nearest({ width: px % 5000, height: px % 333 }, l), l)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('gives each chip its own name back, also at small sizes', () => {
    for (const limits of [FALLBACK_LIMITS, demo]) {
      for (const r of RATIOS) expect(nameOf(fit(r.ratio, limits.pixels, limits)), r.name).toBe(r.name);
    }
    expect(fit(1, demo.pixels, demo)).toEqual({ width: 256, height: 256 });
    expect(fit(1.5, demo.pixels, demo)).toEqual({ width: 384, height: 256 });
  });

  it('keeps the ratio along the dial', () => {
    for (const r of RATIOS) {
      for (const s of stops(r.ratio, FALLBACK_LIMITS)) {
        expect(Math.abs(s.width / s.height / r.ratio - 1), r.name).toBeLessThan(0.026);
        expect(ratioOf(s)).toBe(r.ratio);
      }
    }
    const list = stops(1, FALLBACK_LIMITS);
    expect(list[nearestStop(list, 1_048_576)]).toEqual({ width: 1024, height: 1024 });
  });
});
