// Colours that go with a colour: the same lightness and strength, other hues, or its own shades.
import { fromPolar, toPolar } from './oklab';

export const HARMONIES = ['complement', 'analogous', 'triad', 'split', 'square', 'shades'] as const;
export type Harmony = (typeof HARMONIES)[number];

const TURNS: Record<Exclude<Harmony, 'shades'>, number[]> = {
  complement: [0, 180],
  analogous: [-30, 0, 30],
  triad: [0, 120, 240],
  split: [0, 150, 210],
  square: [0, 90, 180, 270],
};
const SHADES = [0.28, 0.44, 0.6, 0.76, 0.92];
const GREY = 0.02; // less has no hue that could be turned

/** Each colour once; the colour itself is among them, but for its shades. */
export function harmony(kind: Harmony, colour: string): string[] {
  const polar = toPolar(colour);
  if (kind === 'shades') {
    const chroma = (light: number) => polar.chroma * (light > 0.85 ? 0.5 : 1);
    return [...new Set(SHADES.map((light) => fromPolar({ ...polar, light, chroma: chroma(light) })))];
  }
  if (polar.chroma < GREY) return [colour];
  const turned = TURNS[kind].map((by) => (by === 0 ? colour : fromPolar({ ...polar, hue: polar.hue + by })));
  return [...new Set(turned)];
}
