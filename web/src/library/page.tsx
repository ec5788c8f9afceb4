// The library: all pictures, however many, with search, filters, selection and the viewer.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { ArrowUp } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { query } from '@/api/client';
import { filterQuery } from '@/api/queries';
import type { LibrarySearch } from '@/app/router';
import { usePrefs } from '@/app/prefs';
import { usePageTitle } from '@/lib/use-page-title';
import { useT } from '@/i18n';
import { openCompare, Viewer } from '@/viewer';
import { drawAgain } from '@/viewer/again';
import { Button } from '@/ui/button';
import { later } from '@/ui/later';
import { changeItems, trashItems, type Change } from './actions';
import { Empty, Message } from './empty';
import { Grid, type GridHandle } from './grid';
import { filtersOf, sortOf } from './search';
import { countOf, EVERYTHING, heir, isSelected, type Selection } from './selection';
import { SelectionBar } from './selection-bar';
import { GridSkeleton } from './skeleton';
import { Toolbar } from './toolbar';
import { useLibrary } from './use-library';
import { useOpenImage } from './use-open-image';
import { useDeleteKey, useSelection } from './use-selection';
import { downloadSelection } from './download';
import { PackingStrip } from './packing';

const Cull = later(() => import('./cull').then((m) => m.default));

const one = (id: number): Selection => ({ kind: 'some', ids: new Set([id]) });

export default function LibraryPage() {
  const t = useT();
  const client = useQueryClient();
  const router = useRouter();
  const navigate = useNavigate({ from: '/library' });
  const search = useSearch({ from: '/library' });
  usePageTitle(search.fav ? t.library.favorites : t.library.title);
  const thumb = usePrefs((s) => s.thumb);
  const letterKeys = usePrefs((s) => s.letterKeys);
  const place = JSON.stringify([filtersOf(search), sortOf(search)]);
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- the same filters stay the same object
  const { filters, sort } = useMemo(() => ({ filters: filtersOf(search), sort: sortOf(search) }), [place]);

  // The router's own place changes before the filters do: both are taken at once.
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- another address, another entry of the browser's history
  const entry = useMemo(() => router.history.location.state.__TSR_key ?? '', [router, search]);
  const [arrival] = useState(entry);

  const grid = useRef<GridHandle>(null);
  const atTop = useRef(true);
  const isAtTop = useCallback(() => atTop.current, []);
  const setAtTop = useCallback((is: boolean) => {
    atTop.current = is;
  }, []);
  const list = useLibrary(filters, sort, isAtTop);
  const { items, reach } = list;
  const total = list.total ?? 0;
  const order = useMemo(() => items.map((item) => item.id), [items]);
  const picked = useSelection(place, order);
  const { selection } = picked;
  const count = countOf(selection, total);

  const set = useCallback(
    (change: Partial<LibrarySearch>, replace = false) =>
      void navigate({ search: (before) => ({ ...before, ...change, image: undefined }), replace }),
    [navigate],
  );
  const setQuietly = useCallback((change: Partial<LibrarySearch>) => set(change, true), [set]);

  // Who asked for what is new stands at the first of it.
  const wantsFirst = useRef(false);
  useEffect(() => {
    if (!wantsFirst.current || order[0] === undefined) return;
    wantsFirst.current = false;
    grid.current?.focus(order[0]);
  }, [order]);

  // The viewer. Closing goes back where one came from, when that was here.
  const wasOpenedHere = useRef(false);
  const lastOpen = useRef<number | undefined>(undefined);
  const show = useCallback(
    (id: number | undefined, replace = true) =>
      void navigate({ search: (before) => ({ ...before, image: id }), replace }),
    [navigate],
  );
  const openImage = useOpenImage(search.image, items, list.total, sort, reach, show);
  useEffect(() => {
    if (search.image === undefined && lastOpen.current !== undefined) {
      wasOpenedHere.current = false;
      grid.current?.focus(lastOpen.current);
    }
    lastOpen.current = search.image;
  }, [search.image]);

  const [culling, setCulling] = useState<{ which: Selection; start: number | undefined } | null>(null);

  const change = (which: Selection, what: Change) => void changeItems(client, which, filters, what);
  const favorite = (id: number) => {
    const item = items.find((x) => x.id === id);
    if (item) change(one(id), { fav: !item.fav });
  };
  const trash = (which: Selection, at?: number) => {
    const next = heir(order, (id) => isSelected(which, id), at ?? order.find((id) => isSelected(which, id)) ?? 0);
    void trashItems(client, which, filters, () => next !== null && grid.current?.focus(next));
    picked.gone(which);
    if (next !== null) grid.current?.focus(next);
  };
  useDeleteKey(count > 0, () => trash(selection));
  /** The selection, when the picture belongs to it; else the picture. */
  const meant = (id: number) => (count > 0 && isSelected(selection, id) ? selection : one(id));
  const onKey = (e: React.KeyboardEvent, id: number): boolean => {
    if (e.ctrlKey || e.metaKey || e.altKey) return false;
    if (e.key === 'Delete' || e.key === 'Backspace') trash(meant(id), id);
    else if (!letterKeys) return false;
    else if (e.key === 'f' || e.key === 'F') {
      const isOn = items.find((x) => x.id === id)?.fav ?? false;
      change(meant(id), { fav: !isOn });
    } else if (e.key.toLowerCase() === 'r') {
      const item = items.find((x) => x.id === id);
      if (item) void drawAgain(client, item, e.shiftKey ? {} : { seed: 'new' });
    } else if (/^[0-5]$/.test(e.key)) change(meant(id), { rating: Number(e.key) });
    else return false;
    return true;
  };

  const chosen = items.filter((item) => isSelected(selection, item.id));
  const hasRows = total > 0 || items.length > 0;
  return (
    <section aria-label={t.library.title} className="flex h-full min-h-0 flex-col">
      <Toolbar
        search={search}
        filters={filters}
        sort={sort}
        total={list.total}
        isSelecting={picked.isSelecting}
        onSelecting={picked.setSelecting}
        onSortOut={() => setCulling({ which: count > 0 ? selection : EVERYTHING, start: undefined })}
        set={set}
      />
      {list.error && !hasRows ? (
        <Message title={t.library.loadFailed} text={list.error.message}>
          <Button onClick={list.retry}>{t.ui.retry}</Button>
        </Message>
      ) : list.total === null ? (
        <GridSkeleton rowHeight={thumb} label={t.ui.loading} />
      ) : !hasRows ? (
        <Empty filters={filters} set={setQuietly} />
      ) : (
        <div className="relative flex min-h-0 flex-1 flex-col">
          <Grid
            ref={grid}
            items={items}
            total={total - list.waiting}
            rowHeight={thumb}
            hasDays={sort === 'newest' || sort === 'oldest'}
            isOldestFirst={sort === 'oldest'}
            timelineQuery={query(filterQuery(filters))}
            place={place}
            entry={entry}
            isArrival={entry === arrival}
            selection={selection}
            isSelecting={picked.isSelecting || count > 0}
            onTop={setAtTop}
            reach={reach}
            look={list.look}
            onOpen={(id) => {
              wasOpenedHere.current = true;
              show(id, false);
            }}
            onToggle={picked.toggle}
            onExtend={picked.extend}
            onSelect={picked.set}
            onFavorite={favorite}
            onKey={onKey}
          />
          {list.waiting > 0 && (
            <Button
              look="ink"
              size="small"
              data-testid="library-new"
              icon={<ArrowUp size={14} aria-hidden />}
              className="absolute! top-2 left-1/2 z-20 -translate-x-1/2 rounded-full!"
              onClick={() => {
                wantsFirst.current = true;
                grid.current?.toTop();
                list.takeNew();
              }}
            >
              {t.library.newOnes(list.waiting)}
            </Button>
          )}
          {list.error && (
            <p role="alert" className="flex items-center gap-3 border-t border-line bg-surface px-4 py-2 text-control">
              {t.library.moreFailed}
              <Button size="small" onClick={list.retry}>
                {t.ui.retry}
              </Button>
            </p>
          )}
        </div>
      )}
      {count > 0 && (
        <SelectionBar
          count={count}
          total={total}
          isAllFavorite={chosen.length > 0 && chosen.every((item) => item.fav)}
          onAll={picked.all}
          onNone={picked.none}
          onChange={(what) => change(selection, what)}
          onCompare={() => openCompare(chosen.map((item) => item.id))}
          onSortOut={() => setCulling({ which: selection, start: chosen[0]?.id })}
          onDownload={() => void downloadSelection(selection, filters, sort, chosen)}
          onTrash={() => trash(selection)}
        />
      )}
      <PackingStrip />
      {culling && (
        <Cull
          items={items.filter((item) => isSelected(culling.which, item.id))}
          total={countOf(culling.which, total)}
          start={culling.start}
          onMore={() => reach(items.length)}
          onChange={(id, what) => change(one(id), what)}
          onTrash={(ids) => {
            setCulling(null);
            trash({ kind: 'some', ids: new Set(ids) });
          }}
          onSelect={(ids) => {
            setCulling(null);
            picked.set({ kind: 'some', ids: new Set(ids) });
            if (ids[0] !== undefined) grid.current?.focus(ids[0]);
          }}
          onClose={(last) => {
            setCulling(null);
            if (last !== undefined) grid.current?.focus(last);
          }}
        />
      )}
      {openImage && (
        <Viewer
          items={openImage.items}
          index={openImage.index}
          total={total}
          onIndex={(i) => show(openImage.items[i]?.id)}
          onClose={() => (wasOpenedHere.current ? router.history.back() : show(undefined))}
        />
      )}
    </section>
  );
}
