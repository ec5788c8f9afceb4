// Where every picture stands: justified rows in reading order, under headings of days. Sizes are
// known before any picture loads, so that nothing moves afterwards.

export const GAP = 4;
export const HEADING = 44;

export interface Sized {
  w: number;
  h: number;
}

export interface Heading {
  kind: 'day';
  key: string;
  y: number;
  h: number;
  from: number; // index of its first picture
}

export interface Row {
  kind: 'row';
  key: string;
  y: number;
  h: number; // of its pictures, without the gap below
  from: number; // pictures from…to - 1
  to: number;
  widths: number[];
}

/** Pictures that are not loaded yet. */
export interface Blank {
  kind: 'blank';
  key: string;
  y: number;
  h: number;
  from: number;
  to: number;
}

export type Band = Heading | Row | Blank;

export interface Options {
  width: number;
  height: number; // wished of a row
  gap: number;
  heading: number; // height of a day's heading
  /** The day of a picture; null: no headings. */
  day: ((index: number) => string) | null;
  /** How many pictures there are, loaded or not. */
  total: number;
}

const RATIO_MIN = 0.4; // narrower and wider pictures are cut off at their sides
const RATIO_MAX = 4;

export function shownRatio({ w, h }: Sized): number {
  const ratio = w > 0 && h > 0 ? w / h : 1;
  return Math.min(RATIO_MAX, Math.max(RATIO_MIN, ratio));
}

/** How many pictures from `from` on make the row whose height is nearest to the wish. */
function rowEnd(ratios: number[], from: number, end: number, o: Options): { to: number; isFull: boolean } {
  let sum = 0;
  let before = Infinity; // height of the row without the last picture
  for (let i = from; i < end; i++) {
    sum += ratios[i]!;
    const height = (o.width - o.gap * (i - from)) / sum;
    if (height <= o.height) {
      const isBetterWithout = i > from && before - o.height < o.height - height && before < o.height * 1.5;
      return { to: isBetterWithout ? i : i + 1, isFull: true };
    }
    before = height;
  }
  return { to: end, isFull: false };
}

function rowOf(ratios: number[], from: number, to: number, isFull: boolean, y: number, o: Options): Row {
  let sum = 0;
  for (let i = from; i < to; i++) sum += ratios[i]!;
  const room = o.width - o.gap * (to - from - 1);
  const fitting = room / sum;
  const h = Math.max(1, Math.round(isFull || fitting < o.height ? fitting : o.height));
  const widths: number[] = [];
  let x = 0; // rounded edges, so that a full row ends exactly at the right
  let sumSoFar = 0;
  const scale = isFull ? room / sum : h;
  for (let i = from; i < to; i++) {
    sumSoFar += ratios[i]! * scale;
    const edge = Math.round(sumSoFar);
    widths.push(Math.max(1, edge - x));
    x = edge;
  }
  return { kind: 'row', key: `r${from}`, y, h, from, to, widths };
}

/** All bands from top to bottom; `y` of the first is 0. */
export function layOut(items: readonly Sized[], o: Options): { bands: Band[]; height: number } {
  const bands: Band[] = [];
  if (o.width <= 0) return { bands, height: 0 };
  const ratios = items.map(shownRatio);
  let y = 0;
  let at = 0;
  while (at < items.length) {
    let end = items.length;
    if (o.day) {
      const day = o.day(at);
      end = at + 1;
      while (end < items.length && o.day(end) === day) end++;
      bands.push({ kind: 'day', key: `d${day}`, y, h: o.heading, from: at });
      y += o.heading;
    }
    while (at < end) {
      const { to, isFull } = rowEnd(ratios, at, end, o);
      const row = rowOf(ratios, at, to, isFull, y, o);
      bands.push(row);
      y += row.h + o.gap;
      at = to;
    }
  }
  // What is not loaded takes the room that it will need, as far as that can be told.
  const perRow = Math.max(1, Math.round(o.width / (averageRatio(ratios) * o.height + o.gap)));
  for (let from = items.length; from < o.total; from += perRow) {
    bands.push({ kind: 'blank', key: `b${from}`, y, h: o.height, from, to: Math.min(o.total, from + perRow) });
    y += o.height + o.gap;
  }
  return { bands, height: y };
}

function averageRatio(ratios: number[]): number {
  if (ratios.length === 0) return 1;
  let sum = 0;
  for (const r of ratios) sum += r;
  return sum / ratios.length;
}

/** The band that a picture stands in: of rows and blanks, the last that begins at it or before. */
export function bandOf(bands: readonly Band[], index: number): number {
  let low = 0;
  let high = bands.length - 1;
  let found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (bands[middle]!.from <= index) {
      found = middle;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return found;
}

/** The band at a height: the last that begins at it or above. */
export function bandAt(bands: readonly Band[], y: number): number {
  let low = 0;
  let high = bands.length - 1;
  let found = 0;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (bands[middle]!.y <= y) {
      found = middle;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return found;
}

function centre(row: Row, index: number, gap: number): number {
  let x = 0;
  for (let i = row.from; i < index; i++) x += row.widths[i - row.from]! + gap;
  return x + row.widths[index - row.from]! / 2;
}

/** The picture above (-1) or below (1): the one whose middle is nearest. The same at the edge. */
export function neighbour(bands: readonly Band[], index: number, step: 1 | -1, gap: number): number {
  const at = bandOf(bands, index);
  const row = bands[at];
  if (row?.kind !== 'row') return index;
  let next = at + step;
  while (bands[next]?.kind === 'day') next += step;
  const other = bands[next];
  if (other?.kind !== 'row') return index;
  const x = centre(row, index, gap);
  let best = other.from;
  for (let i = other.from; i < other.to; i++) {
    if (Math.abs(centre(other, i, gap) - x) < Math.abs(centre(other, best, gap) - x)) best = i;
  }
  return best;
}

/** The size of the small picture that looks sharp at so many pixels. */
export function thumbSide(width: number, height: number, density: number): 160 | 320 | 640 {
  const pixels = Math.max(width, height) * density;
  return pixels <= 180 ? 160 : pixels <= 380 ? 320 : 640;
}
