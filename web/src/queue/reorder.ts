// Moving rows: by pointer at the handle, by keyboard with Space, arrows, Space. While a row moves
// the list shows where it will stand (by CSS order, so that neither focus nor pointer is lost);
// nothing is sent before it is put down.
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

interface Held {
  key: string;
  from: number;
  to: number;
  by: 'keys' | 'pointer';
}

interface Options {
  keys: string[]; // of the units, in order
  onDrop: (from: number, to: number) => void;
  say: (what: 'grabbed' | 'at' | 'dropped' | 'cancelled', key: string, place: number) => void;
}

export interface HandleProps {
  'data-reorder': string;
  'aria-pressed': boolean;
  onKeyDown: (e: KeyboardEvent<HTMLElement>) => void;
  onBlur: () => void;
  onPointerDown: (e: PointerEvent<HTMLElement>) => void;
  onPointerMove: (e: PointerEvent<HTMLElement>) => void;
  onPointerUp: () => void;
  onPointerCancel: () => void;
}

export interface Reorder {
  held: Held | null;
  listRef: React.RefObject<HTMLUListElement | null>;
  handle: (key: string) => HandleProps;
}

/** The place of a pointer among rows: the last one whose middle is above it. */
export function placeAt(middles: number[], y: number): number {
  let place = 0;
  for (let i = 0; i < middles.length; i++) if (y > (middles[i] ?? 0)) place = i + 1;
  return place;
}

export function useReorder(options: Options): Reorder {
  const [held, setHeld] = useState<Held | null>(null);
  const listRef = useRef<HTMLUListElement>(null);
  // Handles stay the same while rows do not change, so they read what holds now from here.
  const now = useRef({ held, ...options });
  useEffect(() => {
    now.current = { held, ...options };
  });
  const { keys } = options;

  // What moves may end or vanish meanwhile: then nothing moves.
  useEffect(() => {
    if (held && !keys.includes(held.key)) setHeld(null);
  }, [held, keys]);

  useEffect(() => {
    if (held?.by !== 'keys') return;
    listRef.current?.querySelector(`[data-reorder="${held.key}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [held]);

  const hold = (next: Held | null) => {
    now.current.held = next;
    setHeld(next);
  };
  const grab = (key: string, by: Held['by']) => {
    const from = now.current.keys.indexOf(key);
    if (from < 0) return;
    hold({ key, from, to: from, by });
    now.current.say('grabbed', key, from);
  };
  const drop = () => {
    const { held: one, say, onDrop } = now.current;
    if (!one) return;
    hold(null);
    say('dropped', one.key, one.to);
    if (one.from !== one.to) onDrop(one.from, one.to);
  };
  const letGo = () => {
    const { held: one, say } = now.current;
    if (!one) return;
    hold(null);
    say('cancelled', one.key, one.from);
  };
  const shift = (to: number) => {
    const { held: one, keys: all, say } = now.current;
    const place = Math.max(0, Math.min(all.length - 1, to));
    if (!one || place === one.to) return;
    hold({ ...one, to: place });
    say('at', one.key, place);
  };

  const onKeyDown = (key: string) => (e: KeyboardEvent<HTMLElement>) => {
    const one = now.current.held;
    const isHeld = one?.key === key && one.by === 'keys';
    if (e.key === ' ' || e.key === 'Enter') {
      e.preventDefault();
      if (isHeld) drop();
      else grab(key, 'keys');
      return;
    }
    if (!isHeld) return;
    const last = now.current.keys.length - 1;
    const to = { ArrowUp: one.to - 1, ArrowDown: one.to + 1, Home: 0, End: last }[e.key];
    if (to === undefined && e.key !== 'Escape') return;
    e.preventDefault();
    e.stopPropagation();
    if (to === undefined) letGo();
    else shift(to);
  };

  const onPointerMove = (e: PointerEvent<HTMLElement>) => {
    const one = now.current.held;
    const list = listRef.current;
    if (one?.by !== 'pointer' || !list) return;
    const others = [...list.querySelectorAll<HTMLElement>('[data-unit]')].filter((r) => r.dataset.unit !== one.key);
    const middles = others
      .map((row) => row.getBoundingClientRect())
      .map((box) => box.top + box.height / 2)
      .sort((a, b) => a - b);
    shift(placeAt(middles, e.clientY));
    const scroller = list.closest<HTMLElement>('[data-scroller]');
    const frame = scroller?.getBoundingClientRect();
    if (scroller && frame) {
      if (e.clientY < frame.top + 24) scroller.scrollTop -= 12;
      else if (e.clientY > frame.bottom - 24) scroller.scrollTop += 12;
    }
  };

  return {
    held,
    listRef,
    handle: (key) => ({
      'data-reorder': key,
      'aria-pressed': held?.key === key,
      onKeyDown: onKeyDown(key),
      onBlur: () => {
        if (now.current.held?.by === 'keys' && now.current.held.key === key) letGo();
      },
      onPointerDown: (e) => {
        if (e.button !== 0) return;
        e.preventDefault();
        e.currentTarget.focus();
        e.currentTarget.setPointerCapture(e.pointerId);
        grab(key, 'pointer');
      },
      onPointerMove,
      onPointerUp: drop,
      onPointerCancel: letGo,
    }),
  };
}
