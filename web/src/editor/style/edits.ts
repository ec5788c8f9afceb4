// Edits of the style block. It is made with what the model always saw in it, a look and a medium,
// even if they are empty; what a person empties stays as an empty text.
import { MEDIA, ORDER, STYLE, isDict, put, read, type Edit } from '@/document/caption';
import { parse, set } from '@/document/json';
import type { Kind } from './looks';

function styleOf(source: string) {
  const parsed = parse(source);
  const root = parsed.ok ? parsed.root.value : null;
  return { has: isDict(root) && isDict(root.style_description), caption: read(root) };
}

const made: Edit = (source) =>
  styleOf(source).has ? source : put(STYLE, { photo: '', medium: MEDIA[0] })(source);

export const putStyle =
  (key: 'aesthetics' | 'lighting', value: string): Edit =>
  (source) =>
    value === '' && !styleOf(source).has ? source : put([...STYLE, key], value)(made(source));

export const putPalette =
  (colours: string[]): Edit =>
  (source) =>
    colours.length === 0
      ? put([...STYLE, 'color_palette'], undefined)(source)
      : put([...STYLE, 'color_palette'], colours)(made(source));

/** The look under the key of its kind, the other key gone. */
export const putKind =
  (kind: Kind, look?: string): Edit =>
  (source) => {
    const text = look ?? styleOf(source).caption.look;
    const base = made(source);
    const without = set(base, [...STYLE, kind === 'photo' ? 'art_style' : 'photo'], undefined);
    return set(without, [...STYLE, kind], text, kind === 'photo' ? ORDER.photo : ORDER.art);
  };

export const kindOf = (medium: string): Kind => (medium === MEDIA[0] ? 'photo' : 'art_style');

/** A medium of the list brings its kind with it; the kind can be switched back. */
export const putMedium =
  (medium: string): Edit =>
  (source) => {
    if (medium === '') return put([...STYLE, 'medium'], undefined)(source);
    const based = made(source);
    return put([...STYLE, 'medium'], medium)(putKind(kindOf(medium))(based));
  };
