// Edits of one element.
import { all, elementPath, elementValue, insertElement, put, type Edit } from '@/document/caption';
import { isDict } from '@/document/caption';

/** Text elements have words to draw, objects have none (D4). */
export function putKind(index: number, kind: 'obj' | 'text', words: string): Edit {
  const type = put(elementPath(index, 'type'), kind);
  return all(type, put(elementPath(index, 'text'), kind === 'text' ? words : undefined));
}

export const putElementPalette = (index: number, colours: string[]): Edit =>
  put(elementPath(index, 'color_palette'), colours.length > 0 ? colours : undefined);

const OFFSET = 30;

/** A copy behind it, its box a little aside. */
export const duplicate =
  (index: number): Edit =>
  (source) => {
    const value = elementValue(source, index);
    if (value === undefined) return source;
    const box = isDict(value) && Array.isArray(value.bbox) ? (value.bbox as number[]) : null;
    const [top, left, bottom, right] = box ?? [];
    const fits = box?.length === 4 && bottom! + OFFSET <= 1000 && right! + OFFSET <= 1000;
    const copy = fits && isDict(value) ? { ...value, bbox: [top! + OFFSET, left! + OFFSET, bottom! + OFFSET, right! + OFFSET] } : value;
    return insertElement(copy, index + 1)(source);
  };
