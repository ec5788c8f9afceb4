// A box by its edges: one number changes, and an edge that would be passed moves along.
import { UNITS, type Box } from '@/document/caption';

export const DEFAULT_BOX: Box = [290, 290, 710, 710]; // 420 × 420 in the middle
export const SIDE_MIN = 10;

export type Edge = 'top' | 'left' | 'bottom' | 'right';
export const EDGES: Edge[] = ['top', 'left', 'bottom', 'right'];

/** The box with one edge elsewhere; no box yet: from the default one. */
export function withEdge(box: Box | null, edge: Edge, value: number): Box {
  const next = [...(box ?? DEFAULT_BOX)] as [number, number, number, number];
  const at = EDGES.indexOf(edge);
  const other = (at + 2) % 4;
  const isStart = at < 2;
  const within = isStart ? Math.min(UNITS - SIDE_MIN, Math.max(0, value)) : Math.min(UNITS, Math.max(SIDE_MIN, value));
  next[at] = Math.round(within);
  next[other] = isStart ? Math.max(next[other]!, next[at]! + SIDE_MIN) : Math.min(next[other]!, next[at]! - SIDE_MIN);
  return next;
}
