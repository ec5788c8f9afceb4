// Zoom and pan by wheel, pointer, two fingers and double tap. Sideways swipes of a fitted picture
// turn the page.
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type PointerEvent, type RefObject } from 'react';
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
  pan: (x: number, y: number) => void; // nothing when it is fitted
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
  onOutside?: () => void; // clicked beside the picture
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

export function useZoom(ref: RefObject<HTMLElement | null>, { picture, id, onSwipe, onOutside, shared }: Options): Zoom {
  const room = useRoom(ref);
  const own = useState<View | null>(null); // null: fitted
  const [free, setFree] = shared ?? own;
  const setOwn = own[1];
  const view = free ? within(free, picture, room) : fit(picture, room);
  // Several events may come before the next rendering: each goes on from the one before it.
  const latest = useRef(view);
  useLayoutEffect(() => {
    latest.current = view;
  });
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<{ at: Point; time: number; moved: boolean } | null>(null);
  const tap = useRef<{ at: Point; time: number } | null>(null);

  useEffect(() => setOwn(null), [id, setOwn]);

  const panBy = (x: number, y: number) => {
    const { current } = latest;
    latest.current = within({ ...current, x: current.x + x, y: current.y + y }, picture, room);
    setFree(latest.current);
  };
  const zoomBy = useCallback(
    (factor: number, at: Point) => {
      const next = zoomAt(latest.current, factor, at, picture, room);
      latest.current = next;
      setFree(isFit(next, picture, room) ? null : next);
    },
    [picture, room, setFree],
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

  // Else a swipe is a fling to the browser, and the next tap anywhere would only end the fling.
  useEffect(() => {
    const element = ref.current;
    const keep = (e: TouchEvent) => e.preventDefault();
    element?.addEventListener('touchmove', keep, { passive: false });
    return () => element?.removeEventListener('touchmove', keep);
  }, [ref]);

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
      // The picture goes along with the middle of the fingers.
      if (!isFit(latest.current, picture, room)) panBy((at.x - before.x) / 2, (at.y - before.y) / 2);
    } else if (free) panBy(at.x - before.x, at.y - before.y);
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
    const isBeside = at.x < view.x || at.y < view.y || at.x > view.x + picture.w * view.scale || at.y > view.y + picture.h * view.scale;
    if (onOutside && isBeside && e.pointerType === 'mouse') return onOutside();
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
    pan: (x, y) => free && panBy(x, y),
    stage: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel },
  };
}
