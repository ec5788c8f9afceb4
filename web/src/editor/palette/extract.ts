// The main colours of a picture: k-means over a small copy of it, in a space where distance is
// what the eye sees. The counting is done beside the page's own thread where the browser can.
import { toColour, toLab, type Lab } from './oklab';

const far = (p: Lab, q: Lab) => (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;

function nearest(point: Lab, centres: Lab[]): number {
  let best = 0;
  for (let i = 1; i < centres.length; i++) {
    if (far(point, centres[i]!) < far(point, centres[best]!)) best = i;
  }
  return best;
}

/** Begins at the point farthest from those already taken, so that the same picture gives the same. */
function firstCentres(points: Lab[], count: number): Lab[] {
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
  const points: Lab[] = [];
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    if (pixels[i + 3]! >= 128) points.push(toLab(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!));
  }
  if (points.length === 0) return [];
  let centres = firstCentres(points, count);
  let sizes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sums = centres.map((): Lab => [0, 0, 0]);
    sizes = centres.map(() => 0);
    for (const p of points) {
      const i = nearest(p, centres);
      const sum = sums[i]!;
      for (const k of [0, 1, 2] as const) sum[k] += p[k];
      sizes[i]!++;
    }
    centres = centres.map((c, i) => (sizes[i] ? (sums[i]!.map((v) => v / sizes[i]!) as Lab) : c));
  }
  const ranked = centres.map((c, i) => ({ c, size: sizes[i]! })).sort((a, b) => b.size - a.size);
  const kept: Lab[] = [];
  for (const { c, size } of ranked) {
    if (size > 0 && kept.every((k) => far(k, c) > SAME)) kept.push(c);
  }
  return [...new Set(kept.map(toColour))];
}

const SIDE = 96;

function pixelsOf(bitmap: ImageBitmap): Uint8ClampedArray {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas');
  context.drawImage(bitmap, 0, 0, SIDE, SIDE);
  bitmap.close();
  return context.getImageData(0, 0, SIDE, SIDE).data;
}

export interface ExtractQuestion {
  pixels: Uint8ClampedArray;
  count: number;
}

function askWorker(question: ExtractQuestion): Promise<string[]> {
  return new Promise((done, failed) => {
    const worker = new Worker(new URL('./extract.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (e: MessageEvent<string[]>) => {
      worker.terminate();
      done(e.data);
    };
    worker.onerror = (e) => {
      worker.terminate();
      failed(new Error(e.message));
    };
    worker.postMessage(question);
  });
}

/** Throws when the file is no picture that the browser can read. */
export async function coloursOfPicture(file: Blob, count: number): Promise<string[]> {
  const question = { pixels: pixelsOf(await createImageBitmap(file)), count };
  // The worker's script may be out of reach while the gateway is.
  return askWorker(question).catch(() => mainColours(question.pixels, count));
}
