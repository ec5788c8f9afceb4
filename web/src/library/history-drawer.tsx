// The history: all entries, newest first, with search. Only what is in view exists.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Search, X } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { call } from '@/api/client';
import type { Entry } from '@/api/types';
import { capabilitiesQuery, entriesQuery } from '@/api/queries';
import { setUi, useUi } from '@/app/ui-state';
import { day } from '@/lib/format';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { later } from '@/ui/later';
import { inputLook } from '@/ui/field';
import { dateOfDay } from './days';
import { ABOVE, rowsOf } from './entries';
import { favoritesKey, trashEntry, type Favorite } from './entry-actions';
import { EntryItem } from './entry-item';
import { useAbove } from './use-above';
import { useNotes } from './entry-notes';
import { useLate } from './skeleton';

const CaptionDiffDialog = later(() => import('./entry-dialogs').then((m) => m.CaptionDiffDialog));
const RenameDialog = later(() => import('./entry-dialogs').then((m) => m.RenameDialog));

const ROW = 76;
const HEADING = 32;
const TYPING_MS = 250;

function useTyped(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function useCurrentEntry(): number | null {
  const path = useRouterState({ select: (s) => s.location.pathname });
  const match = /^\/history\/(\d+)/.exec(path);
  return match ? Number(match[1]) : null;
}

export function HistoryDrawer() {
  const t = useT();
  const [text, setText] = useState('');
  const q = useTyped(text);
  const overlay = useUi((s) => s.drawerOverlay);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (overlay && window.matchMedia('(pointer: fine)').matches) input.current?.focus();
  }, [overlay]);
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Esc closes it, wherever the focus is in it
    <div
      className="flex h-full min-h-0 flex-col"
      onKeyDown={(e) => {
        if (e.key === 'Escape' && overlay && !e.defaultPrevented) setUi({ drawerOverlay: false });
      }}
    >
      <div className="flex items-center gap-1 border-b border-line p-2">
        <div role="search" className="relative min-w-0 flex-1">
          <Search size={14} aria-hidden className="pointer-events-none absolute top-1/2 start-2.5 -translate-y-1/2 text-text-3" />
          <input
            ref={input}
            type="search"
            data-testid="history-search"
            aria-label={t.library.historySearch}
            placeholder={t.library.historySearch}
            value={text}
            autoComplete="off"
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key !== 'Escape' || text === '') return;
              e.preventDefault();
              setText('');
            }}
            className={`${inputLook} h-8 pe-2 ps-8 pointer-coarse:h-11`}
          />
        </div>
        <IconButton
          label={t.library.closeHistory}
          className="desk:hidden"
          onClick={() => setUi({ drawerOverlay: false })}
        >
          <X size={16} />
        </IconButton>
      </div>
      <Entries q={q} />
    </div>
  );
}

function Entries({ q }: { q: string }) {
  const t = useT();
  const client = useQueryClient();
  const current = useCurrentEntry();
  const navigate = useNavigate();
  const list = useInfiniteQuery({ ...entriesQuery(q), placeholderData: (before) => before });
  const { data: server } = useQuery(capabilitiesQuery);
  const favorites = useQuery({ queryKey: favoritesKey, queryFn: () => call<Favorite[]>('/api/favorites') });
  const isFavorite = useMemo(() => new Set((favorites.data ?? []).map((f) => f.image_id)), [favorites.data]);
  const entries = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  const above = useAbove(q, entries);
  const rows = useMemo(() => rowsOf(entries, above), [entries, above]);
  const noteList = useNotes((s) => s.list);
  const notes = useMemo(() => new Map(noteList.map((one) => [one.id, one])), [noteList]);
  const [dialog, setDialog] = useState<{ kind: 'rename' | 'compare'; entry: Entry } | null>(null);
  const rename = useCallback((entry: Entry) => setDialog({ kind: 'rename', entry }), []);
  const compare = useCallback((entry: Entry) => setDialog({ kind: 'compare', entry }), []);
  const presets = server?.presets;
  const presetLabel = useMemo(
    () => (name: string) => presets?.find((p) => p.name === name)?.label ?? name,
    [presets],
  );
  const scroller = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library -- the page is not built with that compiler
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => (rows[i]?.kind === 'day' ? HEADING : ROW),
    getItemKey: (i) => {
      const row = rows[i];
      return row?.kind === 'day' ? row.day : (row?.entry.id ?? i);
    },
    overscan: 6,
  });
  const shown = virtualizer.getVirtualItems();
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = list;
  const isNearEnd = (shown.at(-1)?.index ?? 0) >= rows.length - 20;
  useEffect(() => {
    if (isNearEnd && hasNextPage && !isFetching && !isFetchNextPageError) void fetchNextPage();
  }, [isNearEnd, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage]);

  const wanted = useRef<number | null>(null); // the entry that the focus goes to
  useEffect(() => {
    if (wanted.current === null) return;
    const link = scroller.current?.querySelector<HTMLElement>(`[data-testid="history-item"][data-id="${wanted.current}"]`);
    wanted.current = null;
    link?.focus();
  }, [rows]);
  const trash = (id: number) => {
    const ids = rows.flatMap((r) => (r.kind === 'entry' ? [r.entry.id] : []));
    const at = ids.indexOf(id);
    wanted.current = ids[at + 1] ?? ids[at - 1] ?? null;
    if (id === current) void navigate({ to: '/' }); // nothing asks for it any more (D18)
    void trashEntry(client, id);
  };
  const move = (e: React.KeyboardEvent) => {
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
    const links = [...(scroller.current?.querySelectorAll<HTMLElement>('[data-testid="history-item"]') ?? [])];
    const next = links[links.indexOf(e.target as HTMLElement) + (e.key === 'ArrowDown' ? 1 : -1)];
    if (!links.includes(e.target as HTMLElement) || !next) return;
    e.preventDefault();
    next.focus();
  };

  // The day that one looks at stays in view over its entries.
  const begin = virtualizer.range?.startIndex ?? 0;
  const days = rows.slice(0, begin + 1).findLast((row) => row.kind === 'day');
  const isStuck = (virtualizer.scrollOffset ?? 0) > HEADING / 2 && rows[begin]?.kind === 'entry';
  const dayName = (value: string) =>
    value === ABOVE ? (q === '' ? t.library.pinned : t.library.byName) : day(dateOfDay(value), t.ui.today, t.ui.yesterday);

  if (list.isPending) return <Waiting />;
  if (rows.length === 0) {
    return list.isError ? (
      <div role="alert" className="flex flex-col items-start gap-2 p-4 text-control text-text-2">
        {t.library.historyFailed}
        <Button onClick={() => void list.refetch()}>{t.ui.retry}</Button>
      </div>
    ) : (
      <p className="p-4 text-control text-text-2">{q === '' ? t.library.historyEmpty : t.library.historyNothing}</p>
    );
  }
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- arrows move between its links
    <div ref={scroller} onKeyDown={move} className="scroll-thin min-h-0 flex-1 overflow-y-auto px-1.5 pb-4">
      {isStuck && days?.kind === 'day' && (
        <div aria-hidden className="sticky top-0 z-10 h-0">
          <p className="-mx-1.5 flex h-8 items-end border-b border-line bg-surface px-3.5 pb-1 text-caption font-medium text-text-2">{dayName(days.day)}</p>
        </div>
      )}
      <ul className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {shown.map(({ index, key, start }) => {
          const row = rows[index];
          if (!row) return null;
          const style = { transform: `translateY(${start}px)`, height: row.kind === 'day' ? HEADING : ROW };
          return row.kind === 'day' ? (
            <li key={key} style={style} className="absolute inset-x-0 top-0 flex items-end gap-2 px-2 pb-1 text-caption">
              <h3 className="font-medium text-text-2">{dayName(row.day)}</h3>
              {(index < rows.length - row.count - 1 || !hasNextPage) && <span className="num text-text-3">{row.count}</span>}
            </li>
          ) : (
            <li key={key} style={style} className="absolute inset-x-0 top-0">
              <EntryItem
                entry={row.entry}
                isCurrent={row.entry.id === current}
                isFavorite={row.entry.cover !== null && isFavorite.has(row.entry.cover)}
                presetLabel={presetLabel}
                name={notes.get(row.entry.id)?.name}
                isPinned={notes.get(row.entry.id)?.pinned ?? false}
                onRename={rename}
                onCompare={compare}
                onTrash={trash}
              />
            </li>
          );
        })}
      </ul>
      {dialog?.kind === 'rename' && <RenameDialog entry={dialog.entry} onClose={() => setDialog(null)} />}
      {dialog?.kind === 'compare' && (
        <CaptionDiffDialog
          entry={dialog.entry}
          others={[...above, ...entries].filter((one) => one.id !== dialog.entry.id)}
          current={current}
          onClose={() => setDialog(null)}
        />
      )}
    </div>
  );
}

function Waiting() {
  const t = useT();
  const isLate = useLate();
  return (
    <div role="status" aria-busy aria-label={t.ui.loading} className="flex flex-col gap-3 p-3">
      {isLate &&
        [0, 1, 2, 3, 4].map((i) => (
          <div key={i} className="flex gap-2.5">
            <span className="size-14 rounded-thumb bg-sunken" />
            <span className="h-4 flex-1 bg-sunken" />
          </div>
        ))}
    </div>
  );
}
