// Where the grid is scrolled to. What one looks at stays in its place when the layout changes (new
// pictures above, another width, another size), and after going away and coming back.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { flushSync } from 'react-dom';
import type { Item } from '@/api/types';
import { localDay } from './days';
import { bandAt, bandOf, GAP, HEADING, layOut, type Band } from './layout';

const PAD_END = 24;
const TOP = 4; // pixels that still count as the top
const OVERSCAN = 2;
const REST_MS = 700; // after which scrolling is over
const FEW = 24; // so many bands are always all there

interface Place {
  index: number;
  part: number | null; // of the row's height that is above the edge; null: with its day in view
}

function storedPlace(key: string): Place | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(`i4.scroll:${key}`) ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    const { index, part } = value as { index?: unknown; part?: unknown };
    return typeof index === 'number' && Number.isInteger(index) && index >= 0
      ? { index, part: typeof part === 'number' ? part : 0 }
      : null;
  } catch {
    return null;
  }
}

function storePlace(key: string, place: Place): void {
  try {
    sessionStorage.setItem(`i4.scroll:${key}`, JSON.stringify(place));
  } catch {
    // then it is not remembered
  }
}

export interface GridView {
  bands: Band[];
  height: number;
  shown: number[]; // indices of the bands that exist
  top: number; // index of the first picture in view
  isMoving: boolean;
  /** Brings a picture to the top, also one that is not loaded yet. */
  jump(index: number): void;
  /** To the beginning, also while the list changes. */
  toTop(): void;
  /** Scrolls as little as needed to show a picture. */
  reveal(index: number): void;
}

export interface ViewOptions {
  items: Item[];
  total: number;
  rowHeight: number;
  hasDays: boolean;
  place: string; // name of the list
  entry: string; // of the browser's history, under which the place is remembered
  isArrival: boolean; // a list that is come back to begins where it was left
  focusIndex: number; // its row is always there; -1: none
  reach: (index: number) => void;
  look: (from: number, to: number) => void;
}

export function useGridView(scroller: RefObject<HTMLDivElement | null>, o: ViewOptions): GridView {
  const { items, total, rowHeight, hasDays, place, entry, isArrival, reach, look } = o;
  const [width, setWidth] = useState(0);
  const [tall, setTall] = useState(0);
  const viewHeight = useRef(0);
  useLayoutEffect(() => {
    const el = scroller.current;
    if (!el) return;
    const measure = () => {
      const style = getComputedStyle(el);
      viewHeight.current = el.clientHeight;
      setWidth(Math.floor(el.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
      setTall(el.clientHeight);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    return () => observer.disconnect();
  }, [scroller]);

  const { bands, height } = useMemo(
    () =>
      layOut(items, {
        width,
        height: rowHeight,
        gap: GAP,
        heading: HEADING,
        day: hasDays ? (i) => localDay(items[i]!.created_at) : null,
        total,
      }),
    [items, width, rowHeight, hasDays, total],
  );
  // The bands that exist: those in view, some around them, and the one with the focus.
  const [range, setRange] = useState({ from: 0, to: -1 });
  const focusBand = o.focusIndex >= 0 ? bandOf(bands, o.focusIndex) : -1;
  const shown = useMemo(() => {
    const isFew = bands.length <= FEW;
    const from = isFew ? 0 : Math.min(range.from, bands.length - 1);
    const to = isFew ? bands.length - 1 : Math.min(range.to, bands.length - 1);
    const list = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
    if (focusBand >= 0 && focusBand < from) list.unshift(focusBand);
    if (focusBand > to) list.push(focusBand);
    return list;
  }, [bands, range, focusBand]);

  const pending = useRef<Place | null>(null);
  const anchor = useRef<(Place & { id: number | null }) | null>(null);
  const unsaved = useRef<{ names: string[]; at: Place } | null>(null);
  const [top, setTop] = useState(0);
  const latest = useRef({ bands, items });
  latest.current = { bands, items };

  const goTo = useCallback((to: Place) => {
    const el = scroller.current;
    const band = latest.current.bands[bandOf(latest.current.bands, to.index)];
    if (!el || !band) return;
    const above = latest.current.bands[bandOf(latest.current.bands, to.index) - 1];
    const heading = above?.kind === 'day' && to.part === null ? above.h : 0;
    el.scrollTop = band.y - heading + (to.part ?? 0) * band.h;
  }, [scroller]);

  // Where one is, after each scrolling: remembered, and what is needed next is loaded.
  const settle = useCallback(() => {
    const el = scroller.current;
    const list = latest.current.bands;
    if (!el || list.length === 0) return;
    const y = el.scrollTop;
    let at = bandAt(list, y);
    if (list[at]?.kind === 'day' && list[at + 1]) at++;
    const band = list[at]!;
    const part = (y - band.y) / Math.max(1, band.h);
    anchor.current = y <= TOP ? null : { index: band.from, part, id: latest.current.items[band.from]?.id ?? null };
    setTop(band.from);
    const view = viewHeight.current;
    const lastAt = bandAt(list, y + view);
    const last = list[lastAt];
    const ahead = list[bandAt(list, y + 2 * view)];
    const [from, to] = [Math.max(0, at - OVERSCAN), Math.min(list.length - 1, lastAt + OVERSCAN)];
    setRange((r) => (r.from === from && r.to === to ? r : { from, to }));
    const end = (b: Band | undefined) => (b === undefined ? 0 : b.kind === 'day' ? b.from + 1 : b.to);
    reach(end(ahead));
    if (pending.current === null) {
      look(band.from, Math.min(end(last), latest.current.items.length));
      unsaved.current = { names: [place, entry], at: { index: band.from, part } };
    }
  }, [scroller, place, entry, reach, look]);

  // What changed meanwhile is asked for where one is.
  useEffect(() => settle(), [settle, tall]);

  const savePlace = useCallback(() => {
    for (const name of unsaved.current?.names ?? []) storePlace(name, unsaved.current!.at);
    unsaved.current = null;
  }, []);
  useEffect(() => {
    window.addEventListener('pagehide', savePlace);
    return () => {
      window.removeEventListener('pagehide', savePlace);
      savePlace();
    };
  }, [savePlace]);
  const [isMoving, setMoving] = useState(false);
  useEffect(() => {
    const el = scroller.current;
    if (!el) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const scrolled = () => {
      // At once: otherwise what comes into view is there a frame too late.
      flushSync(() => {
        settle();
        setMoving(true);
      });
      clearTimeout(timer);
      timer = setTimeout(() => {
        savePlace();
        setMoving(false);
      }, REST_MS);
    };
    const taken = () => (pending.current = null); // a person scrolls: no jump any more
    el.addEventListener('scroll', scrolled, { passive: true });
    el.addEventListener('wheel', taken, { passive: true });
    el.addEventListener('touchmove', taken, { passive: true });
    return () => {
      clearTimeout(timer);
      el.removeEventListener('scroll', scrolled);
      el.removeEventListener('wheel', taken);
      el.removeEventListener('touchmove', taken);
    };
  }, [scroller, settle, savePlace]);

  // Another list: from its beginning, or back to where one was in it.
  const [placed, setPlaced] = useState<string | null>(null);
  useLayoutEffect(() => {
    if (placed === place || bands.length === 0) return;
    setPlaced(place);
    savePlace();
    const before = storedPlace(entry) ?? (isArrival ? storedPlace(place) : null);
    anchor.current = null;
    pending.current = before;
    if (before) {
      reach(before.index + 1);
      goTo(before);
    } else {
      scroller.current?.scrollTo({ top: 0 });
    }
  }, [scroller, placed, place, entry, isArrival, bands, reach, goTo, savePlace]);

  // The same list in another layout: what one looks at stays.
  useLayoutEffect(() => {
    if (pending.current) {
      goTo(pending.current);
      if (items.length > pending.current.index) pending.current = null;
    } else if (anchor.current) {
      const { id, index, part } = anchor.current;
      const now = items[index]?.id === id || id === null ? index : items.findIndex((x) => x.id === id);
      goTo({ index: now === -1 ? Math.min(index, total - 1) : now, part });
    }
    settle();
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only when the layout changes
  }, [bands]);

  const jump = useCallback(
    (index: number) => {
      const to = { index, part: null };
      pending.current = index < latest.current.items.length ? null : to;
      goTo(to);
      reach(index + 1);
    },
    [goTo, reach],
  );
  const toTop = useCallback(() => {
    anchor.current = null;
    pending.current = null;
    scroller.current?.scrollTo({ top: 0 });
  }, [scroller]);
  const reveal = useCallback((index: number) => {
    const el = scroller.current;
    const list = latest.current.bands;
    const at = bandOf(list, index);
    const band = list[at];
    if (!el || !band) return;
    const above = list[at - 1];
    const y = above?.kind === 'day' ? above.y : band.y;
    if (y < el.scrollTop) el.scrollTop = y;
    else if (band.y + band.h > el.scrollTop + el.clientHeight) el.scrollTop = band.y + band.h + GAP - el.clientHeight;
  }, [scroller]);

  return {
    bands,
    height: height + PAD_END,
    shown,
    top,
    isMoving,
    jump,
    toTop,
    reveal,
  };
}
