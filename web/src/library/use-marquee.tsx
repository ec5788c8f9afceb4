// Drawing the rectangle with the mouse: from a few pixels on it is no click any more; near the
// edges the pictures scroll along; Esc gives up.
import { useEffect, useRef, useState, type RefObject } from 'react';
import { GAP, type Band } from './layout';
import { boxOf, marked, touched, type Box } from './marquee';
import type { Selection } from './selection';

const CLICK = 6; // pixels
const EDGE = 40;
const SPEED = 16; // pixels a frame at most

export interface MarqueeOptions {
  bands: readonly Band[];
  idAt: (index: number) => number | undefined;
  selection: Selection;
  onSelect: (selection: Selection, at: number) => void;
}

export interface Marquee {
  box: Box | null;
  onPointerDown: (e: React.PointerEvent) => void;
  /** Whether the click that comes now ends a rectangle. */
  takesClick: () => boolean;
}

export function useMarquee(scroller: RefObject<HTMLDivElement | null>, o: MarqueeOptions): Marquee {
  const [box, setBox] = useState<Box | null>(null);
  const latest = useRef(o);
  useEffect(() => {
    latest.current = o;
  });
  const stop = useRef<(() => void) | null>(null);
  const isOver = useRef(false);
  useEffect(() => () => stop.current?.(), []);

  const onPointerDown = (e: React.PointerEvent) => {
    const el = scroller.current;
    isOver.current = false;
    if (!el || e.pointerType !== 'mouse' || e.button !== 0) return;
    const frame = el.getBoundingClientRect();
    const content = el.firstElementChild?.getBoundingClientRect() ?? frame;
    const isMirrored = getComputedStyle(el).direction === 'rtl';
    if (Math.abs(e.clientX - (content.left + content.right) / 2) > el.clientWidth / 2) return; // on the scroll bar
    const before = latest.current.selection;
    const isAdding = e.ctrlKey || e.metaKey || e.shiftKey;
    const place = (x: number, y: number) => ({ x: x - content.left, y: y - frame.top + el.scrollTop });
    const from = place(e.clientX, e.clientY);
    let pointer = { x: e.clientX, y: e.clientY };
    let isDrawing = false;
    let frameId = 0;
    let last = '';
    const draw = () => {
      const now = place(pointer.x, pointer.y);
      const rect = boxOf(from.x, from.y, now.x, now.y);
      setBox(rect);
      const { bands, idAt, onSelect } = latest.current;
      const [left, right] = isMirrored ? [content.width - rect.right, content.width - rect.left] : [rect.left, rect.right];
      const ids = touched(bands, { ...rect, left, right }, GAP).flatMap((index) => idAt(index) ?? []);
      const name = ids.join();
      if (name === last) return;
      last = name;
      onSelect(marked(before, ids, isAdding), ids[0] ?? -1);
    };
    const roll = () => {
      const above = frame.top + EDGE - pointer.y;
      const below = pointer.y - (frame.bottom - EDGE);
      const by = above > 0 ? -Math.min(1, above / EDGE) : below > 0 ? Math.min(1, below / EDGE) : 0;
      if (by !== 0) {
        el.scrollTop += by * SPEED;
        draw();
      }
      frameId = requestAnimationFrame(roll);
    };
    const move = (m: PointerEvent) => {
      pointer = { x: m.clientX, y: m.clientY };
      if (!isDrawing) {
        if (Math.hypot(m.clientX - e.clientX, m.clientY - e.clientY) < CLICK) return;
        isDrawing = true;
        window.getSelection()?.removeAllRanges();
        frameId = requestAnimationFrame(roll);
      }
      draw();
    };
    const end = () => {
      cancelAnimationFrame(frameId);
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
      window.removeEventListener('keydown', key, true);
      stop.current = null;
      isOver.current = isDrawing;
      setBox(null);
    };
    const key = (k: KeyboardEvent) => {
      if (k.key !== 'Escape' || !isDrawing) return;
      k.preventDefault();
      k.stopPropagation();
      latest.current.onSelect(before, -1);
      end();
    };
    stop.current?.();
    stop.current = end;
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
    window.addEventListener('keydown', key, true);
  };
  const takesClick = () => {
    const was = isOver.current;
    isOver.current = false;
    return was;
  };
  return { box, onPointerDown, takesClick };
}
