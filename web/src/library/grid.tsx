// The pictures: a grid for eyes, pointers, keys and screen readers, of which only what is near the
// window exists.
import { useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState, type Ref } from 'react';
import type { Item } from '@/api/types';
import { useT } from '@/i18n';
import { pointMenu } from '@/viewer';
import { BandView } from './band';
import { keyMove, type GridKeys } from './keys';
import type { Selection } from './selection';
import { Scrubber } from './scrubber';
import { useGridView } from './use-grid-view';
import { useMarquee } from './use-marquee';

export interface GridHandle {
  /** Puts the focus on a picture, and brings it into view. */
  focus(id: number): void;
  toTop(): void;
}

export interface GridProps extends GridKeys {
  ref: Ref<GridHandle>;
  items: Item[];
  total: number;
  rowHeight: number;
  hasDays: boolean;
  isOldestFirst: boolean;
  timelineQuery: string; // filters, as the timeline takes them
  place: string;
  entry: string;
  isArrival: boolean;
  selection: Selection;
  isSelecting: boolean;
  onTop: (isAtTop: boolean) => void; // whether the beginning is in view
  reach: (index: number) => void;
  look: (from: number, to: number) => void;
  onOpen: (id: number) => void;
  onToggle: (id: number) => void;
  onExtend: (id: number) => void;
  onSelect: (selection: Selection, at: number) => void;
}

export function Grid({ ref, ...p }: GridProps) {
  const t = useT().library;
  const { items, total } = p;
  const places = useMemo(() => new Map(items.map((item, i) => [item.id, i])), [items]);
  const [focusId, setFocusId] = useState<number | null>(null);
  const [hoverId, setHoverId] = useState<number | null>(null);
  const [hasFocus, setHasFocus] = useState(false);
  const wantsFocus = useRef(false);
  const focusIndex = focusId === null ? -1 : (places.get(focusId) ?? -1);
  const scroller = useRef<HTMLDivElement>(null);
  const view = useGridView(scroller, { ...p, focusIndex });
  const { bands, shown, reveal } = view;

  const marquee = useMarquee(scroller, {
    bands,
    idAt: (index) => items[index]?.id,
    selection: p.selection,
    onSelect: p.onSelect,
  });

  const { onTop } = p;
  const isAtTop = view.top === 0;
  useEffect(() => onTop(isAtTop), [onTop, isAtTop]);
  useEffect(() => () => onTop(true), [onTop]); // an empty list begins at its beginning

  const focus = (id: number) => {
    const index = places.get(id);
    if (index === undefined) return;
    wantsFocus.current = true;
    setFocusId(id);
    reveal(index);
  };
  useImperativeHandle(ref, () => ({
    focus,
    toTop: view.toTop,
  }));
  useLayoutEffect(() => {
    if (!wantsFocus.current || focusId === null) return;
    const cell = scroller.current?.querySelector<HTMLElement>(`[data-id="${focusId}"]`);
    if (!cell) return;
    wantsFocus.current = false;
    cell.focus({ preventScroll: true });
  });

  const idOf = (target: EventTarget | null): number | null => {
    const cell = target instanceof Element ? target.closest('[data-id]') : null;
    return cell ? Number(cell.getAttribute('data-id')) : null;
  };
  const click = (e: React.MouseEvent) => {
    if (marquee.takesClick()) return;
    const id = idOf(e.target);
    if (id === null) return;
    const act = (e.target as Element).closest('[data-act]')?.getAttribute('data-act');
    setFocusId(id);
    if (act === 'fav') p.onFavorite(id);
    else if (e.shiftKey) p.onExtend(id);
    else if (act === 'select' || e.ctrlKey || e.metaKey || p.isSelecting) p.onToggle(id);
    else p.onOpen(id);
  };
  const keyDown = (e: React.KeyboardEvent) => {
    const id = idOf(e.target);
    if (id === null) return;
    const index = places.get(id);
    if (index === undefined) return;
    const rows = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / p.rowHeight) - 1);
    const to = keyMove(e, bands, index, items.length, rows);
    if (to !== null) {
      e.preventDefault();
      if (e.key === 'End' && e.ctrlKey) p.reach(total);
      const item = items[to];
      if (!item) return;
      focus(item.id);
      if (e.shiftKey) p.onExtend(item.id);
      return;
    }
    if (e.key === ' ') {
      e.preventDefault();
      if (e.shiftKey) p.onExtend(id);
      else p.onToggle(id);
    } else if (e.key === 'Enter') {
      p.onOpen(id);
    } else if (!p.onKey(e, id)) {
      return;
    }
    e.preventDefault();
  };

  const firstShown = bands[shown[0] ?? 0];
  const tabStop = focusIndex >= 0 ? focusId : (items[Math.max(view.top, firstShown?.from ?? 0)]?.id ?? null);
  const menu = pointMenu((target) => {
    const id = idOf(target);
    const index = id === null ? undefined : places.get(id);
    const item = index === undefined ? undefined : items[index];
    return item ? { picture: item } : null;
  });
  const pictures = (
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its cells take the focus
    <div
      ref={scroller}
      role="grid"
      aria-label={t.pictures}
      aria-multiselectable
      aria-rowcount={bands.length}
      data-testid="library-grid"
      onClick={click}
      onKeyDown={keyDown}
      onPointerOver={(e) => e.pointerType === 'mouse' && setHoverId(idOf(e.target))}
      onPointerLeave={() => setHoverId(null)}
      onContextMenu={(e) => {
        const id = idOf(e.target);
        if (id !== null) setFocusId(id);
        menu.onContextMenu(e);
      }}
      onPointerDown={(e) => {
        menu.onPointerDown(e);
        marquee.onPointerDown(e);
      }}
      onFocus={(e) => {
        setHasFocus(true);
        const id = idOf(e.target);
        if (id !== null) setFocusId(id);
      }}
      onBlur={() => setHasFocus(false)}
      className="scroll-thin min-w-0 flex-1 touch-pan-y overflow-y-scroll px-4 select-none outline-none group-has-[[role=slider]]/grid:pe-1 group-has-[[role=slider]]/grid:[scrollbar-width:none] max-tablet:px-2"
      style={{ overflowAnchor: 'none' }}
    >
      <div role="presentation" className="relative" style={{ height: view.height }}>
        {shown.map((index) => {
          const band = bands[index];
          return (
            band && (
              <BandView
                key={band.key}
                band={band}
                rowIndex={index + 1}
                items={items}
                selection={p.selection}
                isSelecting={p.isSelecting}
                hoverId={band.kind === 'row' ? inside(places, band.from, band.to, hoverId) : null}
                focusId={band.kind === 'row' && hasFocus ? inside(places, band.from, band.to, focusId) : null}
                tabStop={band.kind === 'row' ? inside(places, band.from, band.to, tabStop) : null}
              />
            )
          );
        })}
        {marquee.box && (
          <div
            aria-hidden
            data-testid="library-marquee"
            className="pointer-events-none absolute z-20 border border-accent bg-accent/15"
            style={{
              left: marquee.box.left,
              top: marquee.box.top,
              width: marquee.box.right - marquee.box.left,
              height: marquee.box.bottom - marquee.box.top,
            }}
          />
        )}
      </div>
    </div>
  );
  return (
    <div className="group/grid relative flex min-h-0 flex-1">
      {pictures}
      <Scrubber
        query={p.timelineQuery}
        hasDays={p.hasDays}
        isOldestFirst={p.isOldestFirst}
        top={view.top}
        total={total}
        isMoving={view.isMoving}
        onJump={view.jump}
      />
    </div>
  );
}

/** The id, if its picture is among these; so that other rows need not be drawn again. */
function inside(places: Map<number, number>, from: number, to: number, id: number | null): number | null {
  const index = id === null ? undefined : places.get(id);
  return index !== undefined && index >= from && index < to ? id : null;
}
