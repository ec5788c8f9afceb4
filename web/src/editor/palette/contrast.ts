// Whether words can be read where they stand: the colour of a text element against what lies under
// it. Colours come from palettes and, where there is none, from the words of the descriptions.
import { colourNamed } from '@/document/colour-names';
import { isExact, toColour, toRgb } from '@/document/colours';
import type { Box, Caption, Element } from '@/document/caption';

// Of everyday words those that CSS does not know.
const MORE: Record<string, string> = {
  cream: '#FFFDD0',
  offwhite: '#FAF9F6',
  charcoal: '#36454F',
  burgundy: '#800020',
  mustard: '#D9A520',
};
const WORDS = /#[0-9a-f]{3,8}\b|[a-z]+/gi;

/** The first colour that a sentence names. "light grey" is one colour, not none and grey. */
export function namedIn(text: string): string | null {
  const words = text.toLowerCase().match(WORDS) ?? [];
  for (const [i, word] of words.entries()) {
    const pair = word + (words[i + 1] ?? '');
    const found = word.startsWith('#') ? toColour(word) : (colourNamed(pair) ?? MORE[pair] ?? colourNamed(word) ?? MORE[word]);
    if (found) return found;
  }
  return null;
}

const luminance = (colour: string): number => {
  const [r, g, b] = toRgb(colour).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
};

/** From 1 (the same) to 21 (black on white). */
export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export type Level = 'good' | 'fair' | 'weak';
export const levelOf = (ratio: number): Level => (ratio >= 4.5 ? 'good' : ratio >= 3 ? 'fair' : 'weak');

/** What share of the box `of` lies within `under`. */
function within(of: Box, under: Box): number {
  const high = Math.max(0, Math.min(of[2], under[2]) - Math.max(of[0], under[0]));
  const wide = Math.max(0, Math.min(of[3], under[3]) - Math.max(of[1], under[1]));
  return (high * wide) / ((of[2] - of[0]) * (of[3] - of[1]));
}

const first = (colours: string[]): string | null => colours.find(isExact) ?? null;

/** A description without the words that are to be drawn: RED in white letters is white. */
function unquoted({ desc, text }: Element): string {
  const literal = text.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (literal === '') return desc;
  return desc.replace(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'giu'), ' ');
}

function groundOf(e: Element, { elements, background }: Caption): string | null {
  const said = /\b(?:on|over|against)\b(.*)/i.exec(unquoted(e))?.[1];
  const own = said === undefined ? null : namedIn(said);
  if (own) return own;
  const under = elements
    .slice(0, e.index)
    .filter((o) => o.kind === 'obj' && e.box && o.box && within(e.box, o.box) > 0.5)
    .toReversed();
  for (const o of under) {
    const colour = first(o.palette) ?? namedIn(o.desc);
    if (colour) return colour;
  }
  return namedIn(background);
}

export interface Legibility {
  letters: string;
  ground: string;
  ratio: number;
  level: Level;
}

/** null: one of the two colours is not known. */
export function legibility(e: Element, caption: Caption): Legibility | null {
  if (e.kind !== 'text') return null;
  const words = unquoted(e).split(/\b(?:on|over|against)\b/i)[0] ?? '';
  const letters = first(e.palette) ?? namedIn(words);
  const ground = groundOf(e, caption);
  if (!letters || !ground) return null;
  const ratio = contrast(letters, ground);
  return { letters, ground, ratio, level: levelOf(ratio) };
}

/** The colour of the palette that stands out most; black or white where none does. */
export function readable(ground: string, palette: string[]): string {
  const best = (colours: string[]) => colours.toSorted((a, b) => contrast(b, ground) - contrast(a, ground))[0];
  const own = best(palette.filter(isExact));
  return own && contrast(own, ground) >= 4.5 ? own : best(['#FFFFFF', '#000000'])!;
}
