// OKLab, where distance is what the eye sees, and its polar form, where a colour can be turned.
import { fromRgb, toRgb } from '@/document/colours';

export type Lab = [number, number, number];

const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const encoded = (v: number) => (v <= 0.0031308 ? v * 12.92 : 1.055 * Math.max(v, 0) ** (1 / 2.4) - 0.055);

export function toLab(r8: number, g8: number, b8: number): Lab {
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

/** Red, green and blue from 0 to 1, or beyond where no screen can show the colour. */
function toScreen([L, a, b]: Lab): Lab {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

export function toColour(lab: Lab): string {
  const [r, g, b] = toScreen(lab);
  return fromRgb(255 * encoded(r), 255 * encoded(g), 255 * encoded(b));
}

export interface Polar {
  light: number;
  chroma: number;
  hue: number; // degrees
}

export function toPolar(colour: string): Polar {
  const [light, a, b] = toLab(...toRgb(colour));
  return { light, chroma: Math.hypot(a, b), hue: (Math.atan2(b, a) * 180) / Math.PI };
}

const EDGE = 0.001;
const isShown = (lab: Lab): boolean => toScreen(lab).every((v) => v > -EDGE && v < 1 + EDGE);

/** The colour, or the most colourful of the same hue and lightness that a screen can show. */
export function fromPolar({ light, chroma, hue }: Polar): string {
  const turn = (hue * Math.PI) / 180;
  const at = (c: number): Lab => [light, c * Math.cos(turn), c * Math.sin(turn)];
  if (isShown(at(chroma))) return toColour(at(chroma));
  let [low, high] = [0, chroma];
  for (let i = 0; i < 16; i++) {
    const middle = (low + high) / 2;
    if (isShown(at(middle))) low = middle;
    else high = middle;
  }
  return toColour(at(low));
}
