// What can be done to elements on the canvas and in the list. Each is one step of the history.
import {
  addElement,
  all,
  elementPath,
  elementValue,
  ELEMENTS,
  insertElement,
  isDict,
  moveElement,
  put,
  putBox,
  removeElement,
  type Box,
  type Edit,
  type Element,
} from '@/document/caption';
import type { Json } from '@/document/json';
import { useDocument } from '@/document/store';
import { setUi, useUi } from '@/app/ui-state';
import { moveBox, valid } from './geometry';
import { useCanvas } from './state';

const elements = (): Element[] => useDocument.getState().good.caption.elements;
const edit = (label: string, change: Edit, group?: string) => useDocument.getState().edit(label, change, group);
export const isReadOnly = (): boolean => useDocument.getState().error !== null;

export const selected = (): number[] => useUi.getState().selection.filter((i) => i < elements().length);
export const select = (selection: number[]): void => setUi({ selection });

/** Those of the selection that may be changed on the canvas. */
export const movable = (): number[] => {
  const { locked } = useCanvas.getState();
  return selected().filter((i) => elements()[i]?.box && !locked.includes(i));
};

export function placeBoxes(boxes: Record<number, Box>, group?: string): void {
  const changes = Object.entries(boxes)
    .filter(([i, box]) => elements()[Number(i)]?.box?.join() !== box.join())
    .map(([i, box]) => putBox(Number(i), box));
  if (changes.length > 0) edit(changes.length > 1 ? 'boxes' : 'box', all(...changes), group);
}

export function add(kind: 'obj' | 'text', box: Box | null): number {
  const index = elements().length;
  edit('addElement', addElement(kind, box));
  if (box) setUi({ boxesHidden: false }); // what one draws, one sees
  select([index]);
  return index;
}

export function unplace(index: number): void {
  edit('box', putBox(index, null));
}

export function remove(indexes: number[]): void {
  if (indexes.length === 0 || isReadOnly()) return;
  const gone = [...indexes].sort((a, b) => b - a);
  edit('removeElement', all(...gone.map(removeElement)));
  // The neighbour is selected, so that the focus has a place to be.
  const count = elements().length;
  select(count > 0 ? [Math.min(gone.at(-1) ?? 0, count - 1)] : []);
}

function append(values: Json[], label: string): void {
  if (values.length === 0 || isReadOnly()) return;
  const first = elements().length;
  edit(label, all(...values.map((value) => insertElement(value))));
  select(values.map((_, i) => first + i));
}

const valuesOf = (indexes: number[]): Json[] =>
  indexes
    .map((i) => elementValue(useDocument.getState().doc.text, i))
    .filter((value): value is Json => value !== undefined);

/** The same value at another place; without one it stays as it is. */
function shifted(value: Json, by: number): Json {
  if (!isDict(value) || !Array.isArray(value.bbox) || value.bbox.length !== 4) return value;
  const box = valid(...(value.bbox.map(Number) as [number, number, number, number]));
  const moved = moveBox(box, by, by);
  return { ...value, bbox: [...(moved.join() === box.join() ? moveBox(box, -by, -by) : moved)] };
}

const ASIDE = 20;

export function duplicate(indexes: number[]): void {
  append(
    valuesOf(indexes).map((value) => shifted(value, ASIDE)),
    'duplicateElement',
  );
}

/** Copies at given places: the end of a drag with Alt. */
export function duplicateTo(indexes: number[], boxes: readonly Box[]): void {
  append(
    valuesOf(indexes).map((value, i) => {
      const box = boxes[i];
      return isDict(value) && box ? { ...value, bbox: [...box] } : value;
    }),
    'duplicateElement',
  );
}

let clipboard: Json[] = [];

export const canPaste = (): boolean => clipboard.length > 0;
export function copy(indexes: number[]): void {
  clipboard = valuesOf(indexes);
}
export function cut(indexes: number[]): void {
  copy(indexes);
  remove(indexes);
}
export function paste(): void {
  append(
    clipboard.map((value) => shifted(value, ASIDE)),
    'paste',
  );
}

export function moveTo(from: number, to: number): void {
  const count = elements().length;
  if (from === to || to < 0 || to >= count || isReadOnly()) return;
  edit('moveElement', moveElement(from, to));
  const place = (i: number) =>
    i === from ? to : from < to && i > from && i <= to ? i - 1 : to < from && i >= to && i < from ? i + 1 : i;
  select(useUi.getState().selection.map(place));
}

/** An object has no text, a text has one (D4). */
export function changeKind(index: number, kind: 'obj' | 'text'): void {
  const element = elements()[index];
  if (!element || element.kind === kind) return;
  const type = put(elementPath(index, 'type'), kind);
  edit('elementKind', all(type, put(elementPath(index, 'text'), kind === 'text' ? element.text : undefined)));
}

export function write(index: number, key: 'text' | 'desc', text: string): void {
  edit(key === 'text' ? 'elementText' : 'elementDesc', put(elementPath(index, key), text), `${key}:${index}`);
}

/** Every element's box replaced: boxes of a layout, then those that are left without one. */
export function putElements(values: Json[], label: string): void {
  edit(label, put(ELEMENTS, values));
  select([]);
}
