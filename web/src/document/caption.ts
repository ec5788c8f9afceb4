// What a caption means: its parts, their trained order, and edits that touch only what they name.
// Rules: docs/captions.md.
import { find, insertAt, move, parse, set, write, type Json, type Path } from './json';

export const MEDIA = ['photograph', 'illustration', '3d_render', 'painting', 'graphic_design'] as const;
export const PALETTE_MAX = 16;
export const ELEMENT_PALETTE_MAX = 5;
export const UNITS = 1000;

export const ORDER = {
  root: ['high_level_description', 'style_description', 'compositional_deconstruction'],
  photo: ['aesthetics', 'lighting', 'photo', 'medium', 'color_palette'],
  art: ['aesthetics', 'lighting', 'medium', 'art_style', 'color_palette'],
  composition: ['background', 'elements'],
  obj: ['type', 'bbox', 'desc', 'color_palette'],
  text: ['type', 'bbox', 'text', 'desc', 'color_palette'],
} as const;

export const HLD: Path = ['high_level_description'];
export const STYLE: Path = ['style_description'];
export const COMPOSITION: Path = ['compositional_deconstruction'];
export const BACKGROUND: Path = [...COMPOSITION, 'background'];
export const ELEMENTS: Path = [...COMPOSITION, 'elements'];

/** Top, left, bottom, right in thousandths of height and width. */
export type Box = readonly [number, number, number, number];

export interface Element {
  index: number;
  kind: 'obj' | 'text';
  text: string; // "" on objects
  desc: string;
  box: Box | null; // null: none, or one that cannot be drawn
  boxIsBroken: boolean;
  palette: string[];
}

export interface Caption {
  hld: string;
  aesthetics: string;
  lighting: string;
  medium: string;
  look: string; // photo or art_style
  lookKind: 'photo' | 'art_style';
  hasStyle: boolean;
  palette: string[];
  background: string;
  elements: Element[];
}

type Dict = { [key: string]: Json };

export function isDict(value: Json | undefined): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === 'string') : [];

export function isBox(value: Json | undefined): boolean {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const n = value as Json[];
  if (!n.every((v) => Number.isInteger(v) && (v as number) >= 0 && (v as number) <= UNITS)) return false;
  const [top, left, bottom, right] = n as number[];
  return top! < bottom! && left! < right!;
}

function readElement(value: Json, index: number): Element {
  const e = isDict(value) ? value : {};
  const box = isBox(e.bbox) ? (e.bbox as unknown as Box) : null;
  return {
    index,
    kind: e.type === 'text' ? 'text' : 'obj',
    text: text(e.text),
    desc: text(e.desc),
    box,
    boxIsBroken: e.bbox !== undefined && !box,
    palette: texts(e.color_palette),
  };
}

/** A caption's parts as far as they can be read; what is missing or of a wrong type is empty. */
export function read(value: Json): Caption {
  const root = isDict(value) ? value : {};
  const style = isDict(root.style_description) ? root.style_description : {};
  const composition = isDict(root.compositional_deconstruction) ? root.compositional_deconstruction : {};
  const elements = Array.isArray(composition.elements) ? composition.elements : [];
  const isPhoto = 'photo' in style || (!('art_style' in style) && (style.medium ?? MEDIA[0]) === MEDIA[0]);
  return {
    hld: text(root.high_level_description),
    aesthetics: text(style.aesthetics),
    lighting: text(style.lighting),
    medium: text(style.medium),
    look: text(style.photo) || text(style.art_style),
    lookKind: isPhoto ? 'photo' : 'art_style',
    hasStyle: isDict(root.style_description),
    palette: texts(style.color_palette),
    background: text(composition.background),
    elements: elements.map(readElement),
  };
}

export const EMPTY_TEXT = write({
  high_level_description: '',
  compositional_deconstruction: { background: '', elements: [] },
});

// --- edits: from text to text ------------------------------------------------------------------

export type Edit = (text: string) => string;

function orderOf(path: Path, root: Json): readonly string[] {
  if (path.length === 1) return ORDER.root;
  if (path[0] === 'style_description') return read(root).lookKind === 'photo' ? ORDER.photo : ORDER.art;
  if (path.length === 2) return ORDER.composition;
  const index = path[2];
  const kind = typeof index === 'number' ? read(root).elements[index]?.kind : 'obj';
  return kind === 'text' ? ORDER.text : ORDER.obj;
}

function rootOf(source: string): Json {
  const parsed = parse(source);
  return parsed.ok ? parsed.root.value : null;
}

/** Sets one part at its trained place; undefined removes it. */
export const put =
  (path: Path, value: Json | undefined): Edit =>
  (source) => {
    let result = source;
    // Objects on the way are made one by one, so that each gets its own place.
    for (let depth = 1; depth < path.length && value !== undefined; depth++) {
      const part = path.slice(0, depth);
      const parsed = parse(result);
      if (!parsed.ok) return source;
      if (!find(parsed.root, part)) {
        const list = typeof path[depth] === 'number';
        result = set(result, part, list ? [] : {}, orderOf(part, parsed.root.value));
      }
    }
    return set(result, path, value, orderOf(path, rootOf(result)));
  };

/** The look under the key that fits its kind; the other one goes. */
export const putLook =
  (kind: 'photo' | 'art_style', look: string): Edit =>
  (source) => {
    const other = kind === 'photo' ? 'art_style' : 'photo';
    const without = set(source, [...STYLE, other], undefined);
    const order = kind === 'photo' ? ORDER.photo : ORDER.art;
    const based = put(STYLE, isDict(rootOf(without)) ? styleOf(without) : {})(without);
    return set(based, [...STYLE, kind], look === '' ? undefined : look, order);
  };

function styleOf(source: string): Json {
  const root = rootOf(source);
  return isDict(root) && isDict(root.style_description) ? root.style_description : {};
}

export const elementPath = (index: number, key?: string): Path =>
  key === undefined ? [...ELEMENTS, index] : [...ELEMENTS, index, key];

export const addElement =
  (kind: 'obj' | 'text', box: Box | null, at?: number): Edit =>
  (source) => {
    const value: Dict = { type: kind };
    if (box) value.bbox = [...box];
    if (kind === 'text') value.text = '';
    value.desc = '';
    return insertElement(value, at)(source);
  };

export const insertElement =
  (value: Json, at?: number): Edit =>
  (source) => {
    const based = hasList(source) ? source : put(ELEMENTS, [])(source);
    return insertAt(based, ELEMENTS, at ?? Number.MAX_SAFE_INTEGER, value);
  };

function hasList(source: string): boolean {
  const parsed = parse(source);
  return parsed.ok && find(parsed.root, ELEMENTS)?.kind === 'array';
}

export const removeElement =
  (index: number): Edit =>
  (source) =>
    set(source, elementPath(index), undefined);

export const moveElement =
  (from: number, to: number): Edit =>
  (source) =>
    move(source, ELEMENTS, from, to);

/** A box in the place of another changes its numbers and nothing of how they are written. */
export const putBox =
  (index: number, box: Box | null): Edit =>
  (source) => {
    const path = elementPath(index, 'bbox');
    const parsed = parse(source);
    const old = parsed.ok ? find(parsed.root, path)?.value : undefined;
    if (!box || !isBox(old)) return put(path, box ? [...box] : undefined)(source);
    return box.reduce<string>((text, n, i) => ((old as Json[])[i] === n ? text : set(text, [...path, i], n)), source);
  };

export const all =
  (...edits: Edit[]): Edit =>
  (source) =>
    edits.reduce((result, edit) => edit(result), source);

/** The value at an element as it stands, for duplicates and the clipboard. */
export function elementValue(source: string, index: number): Json | undefined {
  const parsed = parse(source);
  return parsed.ok ? find(parsed.root, elementPath(index))?.value : undefined;
}

// --- what is sent ------------------------------------------------------------------------------

/**
 * The text to send: the document as it is, but without elements that say nothing and without boxes
 * that are none (D3, D5); everything else to the byte.
 */
export function sendable(source: string): string {
  let result = source;
  const elements = read(rootOf(source)).elements;
  for (let i = elements.length - 1; i >= 0; i--) {
    const e = elements[i]!;
    if (e.desc.trim() === '' && e.text.trim() === '' && !e.boxIsBroken) result = removeElement(i)(result);
    else if (e.boxIsBroken) result = putBox(i, null)(result);
  }
  return result;
}
