// Before and after a run of Magic Prompt, part by part, so that each can be taken or taken back.
import { BACKGROUND, ELEMENTS, HLD, ORDER, STYLE, isDict, put, type Edit } from '@/document/caption';
import { find, parse, set, type Json } from '@/document/json';
import type { Review } from './review-state';

export const SECTIONS = ['description', 'style', 'colours', 'background', 'elements'] as const;
export type Section = (typeof SECTIONS)[number];
export type Side = 'before' | 'after';

const COLOURS = [...STYLE, 'color_palette'];
const PATHS = { description: HLD, colours: COLOURS, background: BACKGROUND, elements: ELEMENTS };

function at(text: string, path: readonly (string | number)[]): Json | undefined {
  const parsed = parse(text);
  return parsed.ok ? find(parsed.root, path)?.value : undefined;
}

export function sectionOf(text: string, section: Section): Json | undefined {
  if (section !== 'style') return at(text, PATHS[section]);
  const style = at(text, STYLE);
  if (!isDict(style)) return style;
  return Object.fromEntries(Object.entries(style).filter(([key]) => key !== 'color_palette'));
}

const nothing = (value: Json | undefined): boolean =>
  value === undefined || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** The section with this value; the colours are a section of their own and stay. */
export const putSection =
  (section: Section, value: Json | undefined): Edit =>
  (source) => {
    if (section === 'colours' && value === undefined && nothing(sectionOf(source, 'style'))) return put(STYLE, undefined)(source);
    if (section !== 'style') return put(PATHS[section], value)(source);
    const colours = at(source, COLOURS);
    if (!isDict(value)) return put(STYLE, colours === undefined ? value : { color_palette: colours })(source);
    const style = colours === undefined ? value : { ...value, color_palette: colours };
    return set(source, STYLE, style, ORDER.root);
  };

export const same = (a: Json | undefined, b: Json | undefined): boolean =>
  (nothing(a) && nothing(b)) || JSON.stringify(a) === JSON.stringify(b);

export const changed = ({ before, after }: Review): Section[] =>
  SECTIONS.filter((s) => !same(sectionOf(before, s), sectionOf(after, s)));

/** Which side a section of the document is on; null: neither, it was edited since. */
export function sideOf(text: string, section: Section, review: Review): Side | null {
  const now = sectionOf(text, section);
  if (same(now, sectionOf(review.after, section))) return 'after';
  return same(now, sectionOf(review.before, section)) ? 'before' : null;
}

export interface Piece {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

const LONG = 600; // words; longer texts are shown whole

/** What became of a list: what both have in common in its order, what is gone, what is new. */
export function difference(before: string[], after: string[]): { kind: Piece['kind']; item: string }[] {
  if (before.length > LONG || after.length > LONG) {
    return [...before.map((item) => ({ kind: 'gone' as const, item })), ...after.map((item) => ({ kind: 'new' as const, item }))];
  }
  const width = after.length + 1;
  const common = new Uint16Array((before.length + 1) * width); // longest common part from here on
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const result: { kind: Piece['kind']; item: string }[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      result.push({ kind: 'same', item: before[i]! });
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      result.push({ kind: 'gone', item: before[i++]! });
    } else {
      result.push({ kind: 'new', item: after[j++]! });
    }
  }
  return result;
}

/** Two texts word by word, neighbours of a kind joined. */
export function wordDifference(before: string, after: string): Piece[] {
  const words = (text: string) => text.split(/\s+/).filter((w) => w !== '');
  const pieces: Piece[] = [];
  for (const { kind, item } of difference(words(before), words(after))) {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += ` ${item}`;
    else pieces.push({ kind, text: item });
  }
  return pieces;
}
