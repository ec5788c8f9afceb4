// What the canvas knows beside the document: the view, what is locked or hidden (by place in the
// list; not part of a caption), and, while a gesture goes on, where its boxes are. Only at the end
// of a gesture is the document edited.
import * as v from 'valibot';
import { create } from 'zustand';
import type { Box } from '@/document/caption';
import { setUi } from '@/app/ui-state';
import { useDocument } from '@/document/store';
import { load, save } from '@/lib/storage';
import { follow } from './follow';
import type { Guide } from './geometry';

const Kept = v.object({
  snapping: v.fallback(v.boolean(), true),
  showBoxes: v.fallback(v.boolean(), false), // also outside of the layout mode
  keepShapes: v.fallback(v.boolean(), false), // when the picture gets another ratio
});
const kept = load('layout', Kept) ?? { snapping: true, showBoxes: false, keepShapes: false };

export interface View {
  zoom: number;
  x: number; // pixels from the centre
  y: number;
}
export const FIT: View = { zoom: 1, x: 0, y: 0 };
export const ZOOM_MAX = 8;

export interface Live {
  boxes: Record<number, Box>; // where moved boxes are now
  made: Box[]; // boxes that do not exist yet
  marquee: Box | null;
  guides: Guide[];
}
const STILL: Live = { boxes: {}, made: [], marquee: null, guides: [] };

interface CanvasState {
  view: View;
  kind: 'obj' | 'text'; // of the next box
  locked: number[];
  hidden: number[];
  editing: number | null; // written in place
  live: Live;
  snapping: boolean;
  showBoxes: boolean;
  keepShapes: boolean;
  underlay: { url: string; opacity: number } | null;
}

export const useCanvas = create<CanvasState>()(() => ({
  view: FIT,
  kind: 'obj',
  locked: [],
  hidden: [],
  editing: null,
  live: STILL,
  underlay: null,
  ...kept,
}));

export const setCanvas = (change: Partial<CanvasState>): void => useCanvas.setState(change);
export const setLive = (change: Partial<Live>): void => useCanvas.setState((s) => ({ live: { ...s.live, ...change } }));
export const endLive = (): void => useCanvas.setState({ live: STILL });

export function setKept(change: Partial<v.InferOutput<typeof Kept>>): void {
  useCanvas.setState(change);
  const { snapping, showBoxes, keepShapes } = useCanvas.getState();
  save('layout', { snapping, showBoxes, keepShapes });
}

const without = (list: readonly number[], index: number) => list.filter((i) => i !== index);
const toggled = (list: readonly number[], index: number) =>
  list.includes(index) ? without(list, index) : [...list, index];

export const toggleLocked = (index: number): void => setCanvas({ locked: toggled(useCanvas.getState().locked, index) });
export const toggleHidden = (index: number): void => setCanvas({ hidden: toggled(useCanvas.getState().hidden, index) });

/** A picture to draw boxes over; it is never sent. */
export function setUnderlay(picture: Blob | null): void {
  const before = useCanvas.getState().underlay;
  if (before) URL.revokeObjectURL(before.url);
  setCanvas({ underlay: picture && { url: URL.createObjectURL(picture), opacity: 0.6 } });
}

// Another document has other elements; in the same one, locks and hiding go along with theirs.
useDocument.subscribe((now, before) => {
  if (now.key === before.key) {
    const { locked, hidden } = useCanvas.getState();
    if (now.good === before.good || locked.length + hidden.length === 0) return;
    const [old, elements] = [before.good.caption.elements, now.good.caption.elements];
    setCanvas({ locked: follow(locked, old, elements), hidden: follow(hidden, old, elements) });
    return;
  }
  setCanvas({ locked: [], hidden: [], editing: null, live: STILL, view: FIT });
  setUi({ selection: [] });
});
