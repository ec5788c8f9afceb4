// Zoom and pan by wheel, pointer, two fingers and double tap. Sideways swipes of a fitted picture
// turn the page.
import { useCallback, useEffect, useRef, useState, type PointerEvent, type RefObject } from 'react';
import { fit, isFit, within, zoomAt, type Point, type Size, type View } from './zoom';

const SWIPE_PX = 60;
const TAP_MS = 300;
const TAP_PX = 24;

export interface Zoom {
  view: View;
  isFitted: boolean;
  setFit: () => void;
  setActual: (at?: Point) => void;
  toggle: (at?: Point) => void;
  by: (factor: number) => void;
  stage: {
    onPointerDown: (e: PointerEvent<HTMLElement>) => void;
    onPointerMove: (e: PointerEvent<HTMLElement>) => void;
    onPointerUp: (e: PointerEvent<HTMLElement>) => void;
    onPointerCancel: (e: PointerEvent<HTMLElement>) => void;
  };
}

interface Options {
  picture: Size;
  id: number; // another picture starts fitted
  onSwipe?: (by: 1 | -1) => void;
  shared?: [View | null, (view: View | null) => void]; // linked with others; null: fitted
}

function useRoom(ref: RefObject<HTMLElement | null>): Size {
  const [room, setRoom] = useState<Size>({ w: 1, h: 1 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setRoom({ w: element.clientWidth, h: element.clientHeight }));
    watch.observe(element);
    return () => watch.disconnect();
  }, [ref]);
  return room;
}

export function useZoom(ref: RefObject<HTMLElement | null>, { picture, id, onSwipe, shared }: Options): Zoom {
  const room = useRoom(ref);
  const own = useState<View | null>(null); // null: fitted
  const [free, setFree] = shared ?? own;
  const setOwn = own[1];
  const view = free ? within(free, picture, room) : fit(picture, room);
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<{ at: Point; time: number; moved: boolean } | null>(null);
  const tap = useRef<{ at: Point; time: number } | null>(null);

  useEffect(() => setOwn(null), [id, setOwn]);

  const zoomBy = useCallback(
    (factor: number, at: Point) => {
      const next = zoomAt(view, factor, at, picture, room);
      setFree(isFit(next, picture, room) ? null : next);
    },
    [view, picture, room, setFree],
  );

  // React listens to wheels passively; the page must not scroll or zoom under this one.
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onWheel = (e: WheelEvent) => {
      e.preventDefault();
      const box = element.getBoundingClientRect();
      const lines = e.deltaMode === 1 ? 16 : 1;
      zoomBy(Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.002)), { x: e.clientX - box.left, y: e.clientY - box.top });
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [ref, zoomBy]);

  const middle = { x: room.w / 2, y: room.h / 2 };
  const setFit = () => setFree(null);
  const setActual = (at: Point = middle) => {
    const actual = zoomAt(view, 1 / view.scale, at, picture, room);
    setFree(isFit(actual, picture, room) ? null : actual);
  };
  // A tap goes nearer; the key goes to the original size also where that is smaller.
  const toggle = (at?: Point) => {
    if (free) setFit();
    else if (at ? view.scale < 0.99 : Math.abs(view.scale - 1) > 0.01) setActual(at);
    else zoomBy(2.5, at ?? middle);
  };

  const local = (e: PointerEvent<HTMLElement>): Point => {
    const box = ref.current?.getBoundingClientRect();
    return { x: e.clientX - (box?.left ?? 0), y: e.clientY - (box?.top ?? 0) };
  };

  const onPointerDown = (e: PointerEvent<HTMLElement>) => {
    if (e.pointerType === 'mouse' && e.button !== 0) return;
    e.currentTarget.setPointerCapture(e.pointerId);
    const at = local(e);
    pointers.current.set(e.pointerId, at);
    start.current = { at, time: e.timeStamp, moved: pointers.current.size > 1 };
  };

  const onPointerMove = (e: PointerEvent<HTMLElement>) => {
    const before = pointers.current.get(e.pointerId);
    if (!before) return;
    const at = local(e);
    const others = [...pointers.current.entries()].filter(([key]) => key !== e.pointerId);
    pointers.current.set(e.pointerId, at);
    const other = others[0]?.[1];
    if (start.current && Math.hypot(at.x - start.current.at.x, at.y - start.current.at.y) > 6) start.current.moved = true;
    if (other) {
      const far = (p: Point) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
      zoomBy(far(at) / far(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    } else if (free) {
      setFree(within({ ...view, x: view.x + at.x - before.x, y: view.y + at.y - before.y }, picture, room));
    }
  };

  const onPointerUp = (e: PointerEvent<HTMLElement>) => {
    if (!pointers.current.delete(e.pointerId)) return;
    const from = start.current;
    if (!from || pointers.current.size > 0) return;
    const at = local(e);
    if (from.moved) {
      const dx = at.x - from.at.x;
      if (!free && e.pointerType !== 'mouse' && Math.abs(dx) > SWIPE_PX && Math.abs(dx) > 2 * Math.abs(at.y - from.at.y)) {
        onSwipe?.(dx < 0 ? 1 : -1);
      }
      return;
    }
    const last = tap.current;
    if (last && e.timeStamp - last.time < TAP_MS && Math.hypot(at.x - last.at.x, at.y - last.at.y) < TAP_PX) {
      tap.current = null;
      toggle(at);
    } else tap.current = { at, time: e.timeStamp };
  };

  const onPointerCancel = (e: PointerEvent<HTMLElement>) => {
    pointers.current.delete(e.pointerId);
    start.current = null;
  };

  return {
    view,
    isFitted: free === null,
    setFit,
    setActual,
    toggle,
    by: (factor) => zoomBy(factor, middle),
    stage: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel },
  };
}

