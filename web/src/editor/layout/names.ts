// How boxes are called: their colours, first words, and what a screen reader says of them.
import type { Box, Element } from '@/document/caption';
import type { Words } from '@/i18n/en';
import { number, shorten } from '@/lib/format';

const HUES = [29, 62, 95, 145, 190, 232, 275, 330];

export const colourOf = (index: number, alpha = 1): string =>
  `oklch(72% 0.15 ${HUES[index % HUES.length]}${alpha < 1 ? ` / ${alpha}` : ''})`;

export const firstWords = (e: Element, t: Words['layout']): string =>
  shorten((e.kind === 'text' ? e.text : e.desc).trim() || e.desc.trim() || t.unnamed, 60);

const percent = (units: number) => number(units / 10, 1);

export function placeName(box: Box, t: Words['layout']): string {
  const [top, left, bottom, right] = box;
  return t.place(percent(top), percent(left), percent(right - left), percent(bottom - top));
}

export function boxName(e: Element, t: Words['layout'], box = e.box): string {
  const kind = e.kind === 'text' ? t.kinds.text : t.kinds.obj;
  return `${kind} '${firstWords(e, t)}', ${box ? placeName(box, t) : t.unplacedOne}`;
}
