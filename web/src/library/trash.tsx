// The trash: what was deleted, how long it stays, the way back, and the end of it.
import { useInfiniteQuery, useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Clock, RotateCcw, Trash2 } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { call, query } from '@/api/client';
import { keys, thumbUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { announce } from '@/app/ui-state';
import { number, shorten } from '@/lib/format';
import { usePageTitle } from '@/lib/use-page-title';
import { useT, words } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { confirm } from '@/ui/confirm';
import { failed, restore } from './actions';
import { Message, wayOn } from './empty';
import { useLate } from './skeleton';

interface Trashed {
  trashed_at: string;
  trash_id: number;
  days_left?: number;
}
type TrashedItem = Item & Trashed;
interface TrashedEntry extends Trashed {
  id: number;
  hld: string;
  images: number;
}
interface TrashPage {
  items: TrashedItem[];
  prompts: TrashedEntry[];
  total: number;
  next: string | null;
}
interface Choice {
  images: number[];
  prompts: number[];
}

const LIMIT = 100;

function withoutChoice(client: QueryClient, { images, prompts }: Choice): void {
  client.setQueriesData<InfiniteData<TrashPage>>({ queryKey: keys.trash }, (data) =>
    data?.pages
      ? {
          ...data,
          pages: data.pages.map((p) => ({
            ...p,
            items: p.items.filter((x) => !images.includes(x.id)),
            prompts: p.prompts.filter((x) => !prompts.includes(x.id)),
            total: Math.max(0, p.total - images.length),
          })),
        }
      : data,
  );
}

async function destroy(client: QueryClient, choice: Choice | null): Promise<void> {
  const t = words().library;
  if (choice) withoutChoice(client, choice);
  try {
    await call('/api/trash', { method: 'DELETE', body: choice ?? undefined, seconds: 300 });
    announce(t.deleted);
  } catch (error) {
    failed(error);
  }
  void client.invalidateQueries({ queryKey: keys.trash });
}

export default function TrashPage() {
  const t = useT();
  usePageTitle(t.library.trash);
  const client = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: keys.trash,
    queryFn: ({ pageParam, signal }) =>
      call<TrashPage>(`/api/trash${query({ limit: LIMIT, cursor: pageParam })}`, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  const entries = useMemo(() => list.data?.pages.flatMap((p) => p.prompts) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? 0;
  const daysLeft = useMemo(() => new Map(items.map((x) => [x.trash_id, x.days_left])), [items]);
  const isLate = useLate();
  const heading = useRef<HTMLHeadingElement>(null);
  const focusNext = (target: EventTarget) => {
    const cell = target instanceof Element ? target.closest('li') : null;
    const next = cell?.nextElementSibling ?? cell?.previousElementSibling;
    const button = next?.querySelector<HTMLElement>('button');
    (button ?? heading.current)?.focus();
  };
  const bringBack = (choice: Choice, target: EventTarget) => {
    focusNext(target);
    withoutChoice(client, choice);
    void restore(client, choice);
  };
  const forGood = async (choice: Choice, target: EventTarget) => {
    const isSure = await confirm({
      title: t.library.forGoodTitle(choice.images.length + choice.prompts.length),
      text: t.library.forGoodText,
      yes: t.library.deleteForGood,
      isBad: true,
    });
    if (!isSure) return;
    focusNext(target);
    void destroy(client, choice);
  };
  const emptyAll = async () => {
    const isSure = await confirm({
      title: t.library.emptyTrashTitle,
      text: t.library.emptyTrashText(total),
      yes: t.library.emptyTrash,
      isBad: true,
    });
    if (!isSure) return;
    heading.current?.focus();
    await destroy(client, null);
  };
  const isEmpty = items.length === 0 && entries.length === 0;
  return (
    <section aria-label={t.library.trash} className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-13 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-4 py-2.5 max-tablet:px-2">
        <h1 ref={heading} tabIndex={-1} className="flex items-baseline gap-2 text-body font-semibold">
          {t.library.trash}
          {!isEmpty && <span className="num text-caption font-normal text-text-3">{number(total)}</span>}
        </h1>
        {!isEmpty && (
          <>
            <p className="min-w-0 flex-1 text-control text-text-2 max-tablet:order-last max-tablet:basis-full">{t.library.trashHint}</p>
            <Button icon={<Trash2 size={14} aria-hidden />} className="ms-auto" onClick={() => void emptyAll()}>
              {t.library.emptyTrash}
            </Button>
          </>
        )}
      </div>
      {list.isPending ? (
        isLate && <p role="status" className="p-6 text-text-2">{t.ui.loading}</p>
      ) : list.isError && isEmpty ? (
        <Message title={t.library.trashFailed} text={list.error.message}>
          <Button onClick={() => void list.refetch()}>{t.ui.retry}</Button>
        </Message>
      ) : isEmpty ? (
        <Message title={t.library.trashEmpty} text={t.library.trashEmptyText}>
          <Link to="/library" className={wayOn}>
            {t.library.allPictures}
          </Link>
        </Message>
      ) : (
        <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-4 pb-8 max-tablet:px-2">
          {entries.length > 0 && (
            <>
              <h2 className="pt-5 pb-2 text-control font-medium text-text-2">{t.library.entries}</h2>
              <ul className="flex max-w-3xl flex-col divide-y divide-line border-y border-line">
                {entries.map((entry) => {
                  const choice = { images: [], prompts: [entry.id] };
                  const days = entry.days_left ?? daysLeft.get(entry.trash_id); // of its pictures
                  return (
                    <li key={entry.id} data-testid="trash-entry" className="flex items-center gap-2 py-1.5">
                      <Clock size={14} aria-hidden className="shrink-0 text-text-3" />
                      <span className="min-w-0 flex-1">
                        <span className="block truncate text-control">{entry.hld || t.library.entryWithoutWords}</span>
                        <span className="block text-micro text-text-3">
                          {t.library.entryPictures(entry.images)}
                          {days !== undefined && ` · ${t.library.daysLeft(days)}`}
                        </span>
                      </span>
                      <Button size="small" icon={<RotateCcw size={14} aria-hidden />} onClick={(e) => bringBack(choice, e.currentTarget)}>
                        {t.library.restore}
                      </Button>
                      <IconButton size="small" label={t.library.deleteForGood} onClick={(e) => void forGood(choice, e.currentTarget)}>
                        <Trash2 size={14} />
                      </IconButton>
                    </li>
                  );
                })}
              </ul>
            </>
          )}
          {items.length > 0 && (
            <>
              <h2 className="pt-5 pb-2 text-control font-medium text-text-2">{t.library.pictures}</h2>
              <ul className="grid grid-cols-[repeat(auto-fill,minmax(160px,1fr))] gap-3">
                {items.map((item) => (
                  <TrashCard
                    key={item.id}
                    item={item}
                    onRestore={(target) => bringBack({ images: [item.id], prompts: [] }, target)}
                    onDelete={(target) => void forGood({ images: [item.id], prompts: [] }, target)}
                  />
                ))}
              </ul>
            </>
          )}
          {list.hasNextPage && <More isFetching={list.isFetching} load={() => void list.fetchNextPage()} />}
        </div>
      )}
    </section>
  );
}

function TrashCard({ item, onRestore, onDelete }: { item: TrashedItem; onRestore: (t: EventTarget) => void; onDelete: (t: EventTarget) => void }) {
  const t = useT().library;
  const text = shorten(item.title || item.hld) || t.noWords;
  return (
    <li data-testid="trash-item" className="flex flex-col gap-1 [contain-intrinsic-size:auto_200px] [content-visibility:auto]">
      <span className="relative aspect-square bg-sunken">
        <img
          src={thumbUrl(item.id)}
          alt={text}
          loading="lazy"
          decoding="async"
          draggable={false}
          className="absolute inset-0 size-full object-contain"
        />
      </span>
      <span className="flex items-center gap-1 pointer-coarse:flex-wrap pointer-coarse:justify-end">
        <span className="num min-w-0 flex-1 truncate text-micro text-text-3 pointer-coarse:basis-full">
          {item.days_left !== undefined && t.daysLeft(item.days_left)}
        </span>
        <IconButton size="small" label={t.restore} onClick={(e) => onRestore(e.currentTarget)}>
          <RotateCcw size={14} />
        </IconButton>
        <IconButton size="small" label={t.deleteForGood} onClick={(e) => onDelete(e.currentTarget)}>
          <Trash2 size={14} />
        </IconButton>
      </span>
    </li>
  );
}

/** Loads on when it comes into view. */
function More({ isFetching, load }: { isFetching: boolean; load: () => void }) {
  const t = useT();
  const ref = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    const observer = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting ?? false), { rootMargin: '600px' });
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (isSeen && !isFetching) load();
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once for each time it is seen and idle
  }, [isSeen, isFetching]);
  return (
    <div ref={ref} className="flex justify-center p-6">
      <Button onClick={load}>{t.ui.more}</Button>
    </div>
  );
}
