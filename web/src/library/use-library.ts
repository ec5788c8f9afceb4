// The library as the page reads it: keyset pages, loaded as far as one looks, kept when something
// changes, and brought up to date page by page. Only the first page is asked for again when
// pictures come; pages further down when one looks at them.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { call } from '@/api/client';
import { keys, libraryQuery, PAGE_ITEMS } from '@/api/queries';
import type { Filters, Item, Page, Sort } from '@/api/types';
import { firstPage, pageUrl } from './early';
import { flatten, merge, pageOf, type Pages } from './pages';

const KEPT_MS = 30 * 60_000;
const FAR = 3 * PAGE_ITEMS; // so far away, pages are larger and put in several at a time
const FAR_ITEMS = 500; // the most that the server gives
const FAR_PAGES = 10;
const askedAt = new Map<string, number>(); // when each page was asked for the last time
const sizes = new Map<string, number>(); // of pages that are not of the usual size
type Fresh = Page<Item> & { at: number };

function getPage(filters: Filters, sort: Sort, cursor: string | null, limit?: number): Promise<Page<Item>> {
  return call<Page<Item>>(pageUrl(filters, sort, cursor, limit));
}

export interface Library {
  items: Item[];
  total: number | null; // null: not known yet
  error: Error | null; // of what is missing now
  waiting: number; // new pictures above, not shown yet
  /** Shows what is new above. */
  takeNew(): void;
  /** Loads on until the picture at this index is there. */
  reach(index: number): void;
  /** Brings the pages of these pictures up to date. */
  look(from: number, to: number): void;
  retry(): void;
}

export function useLibrary(filters: Filters, sort: Sort, isAtTop: () => boolean): Library {
  const client = useQueryClient();
  const options = libraryQuery(filters, sort);
  const key = JSON.stringify(options.queryKey);
  const list = useInfiniteQuery({
    ...options,
    queryFn: ({ pageParam }) => {
      askedAt.set(key + pageParam, Date.now());
      return pageParam === null ? firstPage(filters, sort) : getPage(filters, sort, pageParam);
    },
    staleTime: 'static',
    gcTime: KEPT_MS,
  });
  const { data, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = list;
  const items = useMemo(() => flatten(data as Pages | undefined), [data]);
  const write = useCallback(
    (change: (old: Pages) => Pages) =>
      client.setQueryData(options.queryKey, (old) => (old ? change(old as Pages) : old)),
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the key says it
    [client, key],
  );

  // The first page, which is asked for again whenever pictures change.
  const first = useQuery({
    queryKey: [...keys.library, 'first', filters, sort],
    queryFn: async (): Promise<Fresh> => {
      const at = Date.now();
      return { ...(await getPage(filters, sort, null)), at };
    },
    enabled: list.isSuccess,
    initialData: () => data?.pages[0] && { ...data.pages[0], at: list.dataUpdatedAt },
    initialDataUpdatedAt: list.dataUpdatedAt,
    structuralSharing: false,
  });
  const [waiting, setWaiting] = useState(0);
  const put = useCallback(
    (fresh: Page<Item>, takeNew: boolean) =>
      write((old) => {
        const merged = merge(old, 0, fresh, takeNew);
        setWaiting(merged.waiting);
        return merged.data;
      }),
    [write],
  );
  const newest = first.data;
  useEffect(() => {
    if (newest) put(newest, isAtTop());
  }, [newest, put, isAtTop]);

  const [target, setTarget] = useState({ key, index: 0 });
  const wanted = target.key === key ? target.index : 0;
  const total = first.data?.total ?? data?.pages[0]?.total ?? null;
  const isShort = items.length <= wanted && items.length < (total ?? 0);
  const isFar = wanted - items.length > FAR;
  const [leap, setLeap] = useState({ key, ended: 0, hasFailed: false });
  const canLeap = isFar && !(leap.key === key && leap.hasFailed);
  useEffect(() => {
    if (!isShort || !hasNextPage || isFetching || isFetchNextPageError) return;
    if (!canLeap) {
      void fetchNextPage();
      return;
    }
    let isOver = false;
    const from = (client.getQueryData(options.queryKey) as Pages | undefined)?.pages.at(-1)?.next;
    const go = async () => {
      const pages: Page<Item>[] = [];
      const pageParams: string[] = [];
      for (let cursor = from; cursor != null && pages.length < FAR_PAGES && !isOver; cursor = pages.at(-1)?.next) {
        askedAt.set(key + cursor, Date.now());
        sizes.set(key + cursor, FAR_ITEMS);
        pageParams.push(cursor);
        pages.push(await getPage(filters, sort, cursor, FAR_ITEMS));
        if (pages.length * FAR_ITEMS > wanted - items.length) break;
      }
      if (isOver) return;
      write((old) =>
        old.pages.at(-1)?.next === from ? { pages: [...old.pages, ...pages], pageParams: [...old.pageParams, ...pageParams] } : old,
      );
      setLeap((l) => ({ key, ended: l.ended + 1, hasFailed: false }));
    };
    go().catch(() => !isOver && setLeap({ key, ended: 0, hasFailed: true })); // page by page, with its error
    return () => {
      isOver = true;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- a farther goal does not begin anew
  }, [isShort, canLeap, leap, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, items.length]);

  const reach = useCallback(
    (index: number) => setTarget((t) => (t.key === key && t.index >= index ? t : { key, index })),
    [key],
  );

  // Pages that are older than the newest first page, as far as somebody looks at them.
  const since = first.data?.at ?? 0;
  const look = useCallback(
    (from: number, to: number) => {
      const now = client.getQueryData(options.queryKey) as Pages | undefined;
      if (!now || from >= to) return;
      for (let at = pageOf(now, from); at <= pageOf(now, to - 1); at++) {
        const cursor = now.pageParams[at];
        if (at === 0 || cursor == null || (askedAt.get(key + cursor) ?? 0) >= since) continue;
        askedAt.set(key + cursor, Date.now());
        void getPage(filters, sort, cursor, sizes.get(key + cursor))
          .then((fresh) =>
            write((old) => {
              const index = old.pageParams.indexOf(cursor);
              return index === -1 ? old : merge(old, index, fresh, true).data;
            }),
          )
          .catch(() => undefined); // it stays as it was until something changes again
      }
    },
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the key says filters and order
    [client, key, since, write],
  );

  const takeNew = useCallback(() => {
    if (newest) put(newest, true);
    setWaiting(0);
  }, [newest, put]);

  const retry = useCallback(() => {
    void (list.isError && !data ? list.refetch() : fetchNextPage());
  }, [list, data, fetchNextPage]);

  return {
    items,
    total,
    error: list.error,
    waiting,
    takeNew,
    reach,
    look,
    retry,
  };
}
