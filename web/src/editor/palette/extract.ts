// The main colours of a picture: k-means over a small copy of it, in a space where distance is
// what the eye sees (OKLab).
import { fromRgb } from '@/document/colours';

type Point = [number, number, number];

const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const encoded = (v: number) => (v <= 0.0031308 ? v * 12.92 : 1.055 * Math.max(v, 0) ** (1 / 2.4) - 0.055);

function toLab(r8: number, g8: number, b8: number): Point {
  const r = linear(r8 / 255);
  const g = linear(g8 / 255);
  const b = linear(b8 / 255);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toColour([L, a, b]: Point): string {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return fromRgb(
    255 * encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    255 * encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    255 * encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  );
}

const far = (p: Point, q: Point) => (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;

function nearest(point: Point, centres: Point[]): number {
  let best = 0;
  for (let i = 1; i < centres.length; i++) {
    if (far(point, centres[i]!) < far(point, centres[best]!)) best = i;
  }
  return best;
}

/** Begins at the point farthest from those already taken, so that the same picture gives the same. */
function firstCentres(points: Point[], count: number): Point[] {
  const centres = [points[0]!];
  while (centres.length < count) {
    let best = points[0]!;
    let distance = -1;
    for (const p of points) {
      const d = far(p, centres[nearest(p, centres)]!);
      if (d > distance) [best, distance] = [p, d];
    }
    if (distance < 1e-4) break;
    centres.push(best);
  }
  return centres;
}

const ROUNDS = 12;
const SAME = 0.0016; // closer centres are one colour

/** At most `count` colours of RGBA pixels, the most frequent first. */
export function mainColours(pixels: Uint8ClampedArray, count: number): string[] {
  const points: Point[] = [];
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    if (pixels[i + 3]! >= 128) points.push(toLab(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!));
  }
  if (points.length === 0) return [];
  let centres = firstCentres(points, count);
  let sizes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sums = centres.map((): Point => [0, 0, 0]);
    sizes = centres.map(() => 0);
    for (const p of points) {
      const i = nearest(p, centres);
      const sum = sums[i]!;
      for (const k of [0, 1, 2] as const) sum[k] += p[k];
      sizes[i]!++;
    }
    centres = centres.map((c, i) => (sizes[i] ? (sums[i]!.map((v) => v / sizes[i]!) as Point) : c));
  }
  const ranked = centres.map((c, i) => ({ c, size: sizes[i]! })).sort((a, b) => b.size - a.size);
  const kept: Point[] = [];
  for (const { c, size } of ranked) {
    if (size > 0 && kept.every((k) => far(k, c) > SAME)) kept.push(c);
  }
  return [...new Set(kept.map(toColour))];
}

const SIDE = 64;

/** Throws when the file is no picture that the browser can read. */
export async function coloursOfPicture(file: Blob, count: number): Promise<string[]> {
  const bitmap = await createImageBitmap(file);
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas');
  context.drawImage(bitmap, 0, 0, SIDE, SIDE);
  bitmap.close();
  return mainColours(context.getImageData(0, 0, SIDE, SIDE).data, count);
}
