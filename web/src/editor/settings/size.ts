// Sizes that this server draws: from a ratio and an area to width and height, without arithmetic
// for anybody (B24). What is possible comes from the server; a small model gets small sizes.
import type { Capabilities } from '@/api/types';

export type Limits = Capabilities['size'];

export const FALLBACK_LIMITS: Limits = { min: 256, max: 2048, multiple: 16, default: 1024, pixels: 1_048_576 };

export interface Size {
  width: number;
  height: number;
}

export type RatioName = 'square' | 'landscape' | 'portrait' | 'widescreen' | 'ultrawide' | 'phone' | 'social';

/** The original's presets, as the ratios that they are; `full` is the original's own size (D13). */
export const RATIOS: { name: RatioName; label: string; ratio: number; full: Size }[] = [
  { name: 'square', label: '1:1', ratio: 1, full: { width: 1024, height: 1024 } },
  { name: 'landscape', label: '3:2', ratio: 3 / 2, full: { width: 1536, height: 1024 } },
  { name: 'portrait', label: '2:3', ratio: 2 / 3, full: { width: 1024, height: 1536 } },
  { name: 'widescreen', label: '16:9', ratio: 16 / 9, full: { width: 1920, height: 1088 } },
  { name: 'ultrawide', label: '8:3', ratio: 8 / 3, full: { width: 2048, height: 768 } },
  { name: 'phone', label: '4:7', ratio: 4 / 7, full: { width: 1024, height: 1792 } },
  { name: 'social', label: '4:1', ratio: 99 / 25, full: { width: 1584, height: 400 } },
];

const RATIO_WEIGHT = 6; // a wrong ratio is worse than a wrong area
const SAME_RATIO = 0.025;

/** The nearest side that is possible. */
export function side(value: number, { min, max, multiple }: Limits): number {
  const low = Math.ceil(min / multiple) * multiple;
  const high = Math.floor(max / multiple) * multiple;
  return Math.min(high, Math.max(low, Math.round(value / multiple) * multiple));
}

export function isPossible({ width, height }: Size, limits: Limits): boolean {
  return side(width, limits) === width && side(height, limits) === height;
}

export function nearest({ width, height }: Size, limits: Limits): Size {
  return { width: side(width, limits), height: side(height, limits) };
}

/** All sizes of a ratio, small to large; the areas that the dial stops at. */
export function stops(ratio: number, limits: Limits): Size[] {
  const all: Size[] = [];
  const wide = ratio >= 1;
  for (let long = side(limits.min, limits); long <= limits.max; long += limits.multiple) {
    const exact = wide ? long / ratio : long * ratio;
    const short = side(exact, limits);
    // A side that the limits bend away from the ratio is no size of that ratio.
    if (Math.abs(short - exact) > limits.multiple / 2) continue;
    all.push(wide ? { width: long, height: short } : { width: short, height: long });
  }
  const off = (s: Size) => Math.abs(Math.log(s.width / s.height / ratio));
  const good = all.filter((s) => off(s) <= SAME_RATIO);
  if (good.length > 0) return good;
  return all.length > 0 ? all : [fit(ratio, limits.pixels, limits)];
}

/** The possible size that comes nearest to a ratio and an area. */
export function fit(ratio: number, pixels: number, limits: Limits): Size {
  const known = RATIOS.find((r) => r.ratio === ratio)?.full;
  if (known && known.width * known.height === pixels && isPossible(known, limits)) return known;
  let best: Size = nearest({ width: limits.default, height: limits.default }, limits);
  let bestCost = Infinity;
  for (let height = side(limits.min, limits); height <= limits.max; height += limits.multiple) {
    const size = { width: side(height * ratio, limits), height };
    const cost =
      RATIO_WEIGHT * Math.abs(Math.log(size.width / height / ratio)) +
      Math.abs(Math.log((size.width * height) / pixels));
    if (cost < bestCost) {
      best = size;
      bestCost = cost;
    }
  }
  return best;
}

export function nameOf({ width, height }: Size): RatioName | null {
  const found = RATIOS.find((r) => Math.abs(Math.log(width / height / r.ratio)) <= SAME_RATIO);
  return found?.name ?? null;
}

/** The ratio that a size stands for: that of its chip, or its own. */
export function ratioOf(size: Size): number {
  return RATIOS.find((r) => r.name === nameOf(size))?.ratio ?? size.width / size.height;
}

/** Index of the stop whose area is nearest. */
export function nearestStop(list: Size[], pixels: number): number {
  let best = 0;
  const off = (s: Size) => Math.abs(Math.log((s.width * s.height) / pixels));
  list.forEach((s, i) => {
    if (off(s) < off(list[best]!)) best = i;
  });
  return best;
}
