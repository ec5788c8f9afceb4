// Where the grid is scrolled to. What one looks at stays in its place when the layout changes (new
// pictures above, another width, another size), and after going away and coming back.
import { useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
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
  part: number; // of the row's height that is above the edge
}

function storedPlace(key: string): Place | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(`i4.scroll:${key}`) ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    const { index, part } = value as { index?: unknown; part?: unknown };
    return typeof index === 'number' && Number.isInteger(index) && index > 0
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
  shown: { index: number; key: string | number | bigint }[];
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
  place: string; // name under which the place is remembered
  focusIndex: number; // its row is always there; -1: none
  reach: (index: number) => void;
  look: (from: number, to: number) => void;
}

export function useGridView(scroller: RefObject<HTMLDivElement | null>, o: ViewOptions): GridView {
  const { items, total, rowHeight, hasDays, place, reach, look } = o;
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const el = scroller.current;
    if (!el) return;
    const measure = () => {
      const style = getComputedStyle(el);
      setWidth(Math.floor(el.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
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
  const focusBand = o.focusIndex >= 0 ? bandOf(bands, o.focusIndex) : -1;
  const virtualizer = useVirtualizer({
    count: bands.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => (bands[i + 1]?.y ?? height) - (bands[i]?.y ?? 0),
    getItemKey: useCallback((i: number) => bands[i]?.key ?? i, [bands]),
    rangeExtractor: useCallback(
      (range: Range) => {
        const isFew = range.count <= FEW;
        const from = isFew ? 0 : Math.max(0, range.startIndex - OVERSCAN);
        const to = isFew ? range.count - 1 : Math.min(range.count - 1, range.endIndex + OVERSCAN);
        const list = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
        if (focusBand >= 0 && focusBand < from) list.unshift(focusBand);
        if (focusBand > to && focusBand < range.count) list.push(focusBand);
        return list;
      },
      [focusBand],
    ),
    paddingEnd: PAD_END,
  });

  const pending = useRef<Place | null>(null);
  const anchor = useRef<(Place & { id: number | null }) | null>(null);
  const unsaved = useRef<{ name: string; at: Place } | null>(null);
  const [top, setTop] = useState(0);
  const latest = useRef({ bands, items });
  latest.current = { bands, items };

  const goTo = useCallback((to: Place) => {
    const el = scroller.current;
    const band = latest.current.bands[bandOf(latest.current.bands, to.index)];
    if (!el || !band) return;
    const above = latest.current.bands[bandOf(latest.current.bands, to.index) - 1];
    const heading = above?.kind === 'day' && to.part === 0 ? above.h : 0; // its day with it
    el.scrollTop = band.y - heading + to.part * band.h;
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
    const part = Math.max(0, (y - band.y) / Math.max(1, band.h));
    anchor.current = y <= TOP ? null : { index: band.from, part, id: latest.current.items[band.from]?.id ?? null };
    setTop(band.from);
    const last = list[bandAt(list, y + el.clientHeight)];
    const ahead = list[bandAt(list, y + 2 * el.clientHeight)];
    const end = (b: Band | undefined) => (b === undefined ? 0 : b.kind === 'day' ? b.from + 1 : b.to);
    reach(end(ahead));
    if (pending.current === null) {
      look(band.from, Math.min(end(last), latest.current.items.length));
      unsaved.current = { name: place, at: y <= TOP ? { index: 0, part: 0 } : { index: band.from, part } };
    }
  }, [scroller, place, reach, look]);

  // What changed meanwhile is asked for where one is.
  useEffect(() => settle(), [settle]);

  const savePlace = useCallback(() => {
    if (unsaved.current) storePlace(unsaved.current.name, unsaved.current.at);
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
      settle();
      setMoving(true);
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

  // Another list: back to where one was in it.
  const [placed, setPlaced] = useState<string | null>(null);
  useLayoutEffect(() => {
    if (placed === place || bands.length === 0) return;
    setPlaced(place);
    savePlace();
    const before = storedPlace(place);
    anchor.current = null;
    pending.current = before;
    if (before) {
      reach(before.index + 1);
      goTo(before);
    } else {
      scroller.current?.scrollTo({ top: 0 });
    }
  }, [scroller, placed, place, bands, reach, goTo, savePlace]);

  // The same list in another layout: what one looks at stays.
  useLayoutEffect(() => {
    if (pending.current) {
      goTo(pending.current);
      if (items.length > pending.current.index) pending.current = null;
    } else if (anchor.current) {
      const { id, index, part } = anchor.current;
      const now = items[index]?.id === id || id === null ? index : items.findIndex((x) => x.id === id);
      goTo({ index: now === -1 ? Math.min(index, total - 1) : now, part: part || 0.0001 });
    }
    settle();
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only when the layout changes
  }, [bands]);

  const jump = useCallback(
    (index: number) => {
      const to = { index, part: 0 };
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
    shown: virtualizer.getVirtualItems(),
    top,
    isMoving,
    jump,
    toTop,
    reveal,
  };
}
