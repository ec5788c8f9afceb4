// The geometry of boxes, without a page: moving, resizing and snapping in units of 0–1000. Whatever
// goes in, what comes out is a box: four whole numbers inside the picture and at least MIN apart.
import { UNITS, type Box } from '@/document/caption';

export const MIN = 10;
const DEFAULT_SIDE = 420;

export type Handle = 'n' | 'ne' | 'e' | 'se' | 's' | 'sw' | 'w' | 'nw';
export const HANDLES: readonly Handle[] = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];

export interface Point {
  x: number;
  y: number;
}

const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Two edges of one direction as they may be: ordered, whole, inside, MIN apart. */
function edges(a: number, b: number): [number, number] {
  let low = Math.round(within(Math.min(a, b), 0, UNITS));
  let high = Math.round(within(Math.max(a, b), 0, UNITS));
  if (high - low < MIN) {
    low = Math.min(low, UNITS - MIN);
    high = low + MIN;
  }
  return [low, high];
}

export function valid(top: number, left: number, bottom: number, right: number): Box {
  const [t, b] = edges(top, bottom);
  const [l, r] = edges(left, right);
  return [t, l, b, r];
}

export const boxOf = (a: Point, b: Point): Box => valid(a.y, a.x, b.y, b.x);

/** A box of the usual size around a point, wholly inside. */
export function boxAt(centre: Point, side = DEFAULT_SIDE): Box {
  const left = within(centre.x - side / 2, 0, UNITS - side);
  const top = within(centre.y - side / 2, 0, UNITS - side);
  return valid(top, left, top + side, left + side);
}

/** Moves boxes together, as far as all of them stay inside. */
export function moveAll(boxes: readonly Box[], dx: number, dy: number): Box[] {
  const x = Math.round(within(dx, -Math.min(...boxes.map((b) => b[1])), UNITS - Math.max(...boxes.map((b) => b[3]))));
  const y = Math.round(within(dy, -Math.min(...boxes.map((b) => b[0])), UNITS - Math.max(...boxes.map((b) => b[2]))));
  return boxes.map((b) => [b[0] + y, b[1] + x, b[2] + y, b[3] + x]);
}

export const moveBox = (box: Box, dx: number, dy: number): Box => moveAll([box], dx, dy)[0]!;

interface ResizeHow {
  keepRatio?: boolean;
  fromCentre?: boolean;
}

/** A box after its handle was dragged by (dx, dy). */
export function resizeBox(box: Box, handle: Handle, dx: number, dy: number, how: ResizeHow = {}): Box {
  if (how.keepRatio) return resizeInRatio(box, handle, dx, dy, how.fromCentre === true);
  let [top, left, bottom, right] = box as readonly number[] as [number, number, number, number];
  const both = how.fromCentre ? -1 : 0;
  if (handle.includes('n')) {
    const by = within(dy, -top, bottom - top - MIN);
    top += by;
    bottom += both * by;
  }
  if (handle.includes('s')) {
    const by = within(dy, MIN - (bottom - top), UNITS - bottom);
    bottom += by;
    top += both * by;
  }
  if (handle.includes('w')) {
    const by = within(dx, -left, right - left - MIN);
    left += by;
    right += both * by;
  }
  if (handle.includes('e')) {
    const by = within(dx, MIN - (right - left), UNITS - right);
    right += by;
    left += both * by;
  }
  return valid(top, left, bottom, right);
}

function resizeInRatio(box: Box, handle: Handle, dx: number, dy: number, fromCentre: boolean): Box {
  const [top, left, bottom, right] = box;
  const width = right - left;
  const height = bottom - top;
  const sideX = handle.includes('e') ? 1 : handle.includes('w') ? -1 : 0;
  const sideY = handle.includes('s') ? 1 : handle.includes('n') ? -1 : 0;
  const grow = fromCentre ? 2 : 1;
  const byX = sideX === 0 ? -Infinity : (width + sideX * dx * grow) / width;
  const byY = sideY === 0 ? -Infinity : (height + sideY * dy * grow) / height;
  // What stays where it is: the opposite corner or edge's middle, or the centre.
  const anchorX = fromCentre || sideX === 0 ? (left + right) / 2 : sideX > 0 ? left : right;
  const anchorY = fromCentre || sideY === 0 ? (top + bottom) / 2 : sideY > 0 ? top : bottom;
  const shareX = (anchorX - left) / width;
  const shareY = (anchorY - top) / height;
  const room = (anchor: number, share: number, size: number) =>
    Math.min(
      share > 0 ? anchor / (share * size) : Infinity,
      share < 1 ? (UNITS - anchor) / ((1 - share) * size) : Infinity,
    );
  const most = Math.min(room(anchorX, shareX, width), room(anchorY, shareY, height));
  const least = Math.min(most, Math.max(MIN / width, MIN / height));
  const by = within(Math.max(byX, byY), least, most);
  return valid(
    anchorY - shareY * height * by,
    anchorX - shareX * width * by,
    anchorY + (1 - shareY) * height * by,
    anchorX + (1 - shareX) * width * by,
  );
}

// --- snapping ----------------------------------------------------------------------------------

export type GridKind = 'off' | '12' | '24' | 'thirds' | 'golden';

/** Where the lines of a grid are, in one direction. */
export function gridLines(kind: GridKind): number[] {
  if (kind === 'thirds') return [333, 667];
  if (kind === 'golden') return [382, 618];
  if (kind === 'off') return [];
  const parts = Number(kind);
  return Array.from({ length: parts - 1 }, (_, i) => Math.round(((i + 1) * UNITS) / parts));
}

/** A line to snap to; `from`…`to` is what it belongs to, across. */
export interface Target {
  at: number;
  from: number;
  to: number;
  kind: 'edge' | 'centre' | 'box' | 'grid';
}
export interface Targets {
  x: Target[];
  y: Target[];
}

export function targetsOf(others: readonly Box[], grid: GridKind): Targets {
  const frame = (at: number, kind: Target['kind']): Target => ({ at, from: 0, to: UNITS, kind });
  const base = [frame(0, 'edge'), frame(UNITS / 2, 'centre'), frame(UNITS, 'edge')];
  const lines = gridLines(grid).map((at) => frame(at, 'grid'));
  const x: Target[] = [...base];
  const y: Target[] = [...base];
  for (const [top, left, bottom, right] of others) {
    for (const at of [left, (left + right) / 2, right]) x.push({ at, from: top, to: bottom, kind: 'box' });
    for (const at of [top, (top + bottom) / 2, bottom]) y.push({ at, from: left, to: right, kind: 'box' });
  }
  return { x: [...x, ...lines], y: [...y, ...lines] };
}

/** A guide to draw: a line at `at` across `from`…`to`, and a distance where there is one. */
export interface Guide {
  axis: 'x' | 'y';
  at: number;
  from: number;
  to: number;
  label: string;
}

interface Near {
  by: number;
  target: Target;
}

function nearest(lines: readonly number[], targets: readonly Target[], reach: number): Near | null {
  let best: Near | null = null;
  for (const line of lines) {
    for (const target of targets) {
      const by = target.at - line;
      if (Math.abs(by) <= reach && (best === null || Math.abs(by) < Math.abs(best.by))) best = { by, target };
    }
  }
  return best;
}

function guide(axis: 'x' | 'y', near: Near, box: Box): Guide {
  const [start, end] = axis === 'x' ? [box[0], box[2]] : [box[1], box[3]];
  const { at, from, to, kind } = near.target;
  const gap = kind === 'box' ? Math.max(from - end, start - to) : -1;
  return {
    axis,
    at,
    from: Math.min(from, start),
    to: Math.max(to, end),
    label: gap > 0 ? String(Math.round(gap)) : String(Math.round(at)),
  };
}

export interface Snapped {
  dx: number; // to add to the movement
  dy: number;
  guides: Guide[];
}

/** How far the moving edges (all of them, or those of a handle) are from lines within reach. */
export function snap(box: Box, handle: Handle | null, targets: Targets, reachX: number, reachY: number): Snapped {
  const [top, left, bottom, right] = box;
  const xs = handle === null ? [left, (left + right) / 2, right] : edgeOf(handle, 'w', left, 'e', right);
  const ys = handle === null ? [top, (top + bottom) / 2, bottom] : edgeOf(handle, 'n', top, 's', bottom);
  const x = nearest(xs, targets.x, reachX);
  const y = nearest(ys, targets.y, reachY);
  return {
    dx: x?.by ?? 0,
    dy: y?.by ?? 0,
    guides: [x && guide('x', x, box), y && guide('y', y, box)].filter((g) => g !== null),
  };
}

function edgeOf(handle: Handle, low: string, lowAt: number, high: string, highAt: number): number[] {
  return handle.includes(low) ? [lowAt] : handle.includes(high) ? [highAt] : [];
}

/** One number drawn to a line within reach. */
export function snapPoint(point: Point, targets: Targets, reachX: number, reachY: number): Point {
  return {
    x: point.x + (nearest([point.x], targets.x, reachX)?.by ?? 0),
    y: point.y + (nearest([point.y], targets.y, reachY)?.by ?? 0),
  };
}

// --- finding -----------------------------------------------------------------------------------

export const contains = (box: Box, p: Point): boolean =>
  p.y >= box[0] && p.y <= box[2] && p.x >= box[1] && p.x <= box[3];

/** The next of the boxes under a point, going down from the one selected and around. */
export function cycle(under: readonly number[], current: number | undefined): number | undefined {
  if (under.length === 0) return undefined;
  const fromTop = [...under].sort((a, b) => b - a);
  const at = current === undefined ? -1 : fromTop.indexOf(current);
  return fromTop[(at + 1) % fromTop.length];
}

export function touches(a: Box, b: Box): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

/** Where two boxes lie on each other, or null. */
export function overlap(a: Box, b: Box): Box | null {
  if (!touches(a, b)) return null;
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
}

/** One number of a box changed; past its opposite it takes that along. */
export function withEdge(box: Box, edge: 0 | 1 | 2 | 3, value: number): Box {
  const next = [...box] as [number, number, number, number];
  const opposite = ((edge + 2) % 4) as 0 | 1 | 2 | 3;
  if (edge < 2) {
    next[edge] = within(Math.round(value), 0, UNITS - MIN);
    next[opposite] = Math.max(next[opposite], next[edge] + MIN);
  } else {
    next[edge] = within(Math.round(value), MIN, UNITS);
    next[opposite] = Math.min(next[opposite], next[edge] - MIN);
  }
  return valid(...next);
}
