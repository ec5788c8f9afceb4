// What is done to pictures: at once on the page, then on the server; when that fails the page shows
// again what the server has, and says why.
import type { QueryClient } from '@tanstack/react-query';
import { announce } from '@/app/ui-state';
import { call, query } from '@/api/client';
import { filterQuery, keys } from '@/api/queries';
import type { Filters, Item, Page } from '@/api/types';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { changed, without, type Pages } from './pages';
import { isSelected, type Selection } from './selection';

export interface Change {
  fav?: boolean;
  rating?: number;
  add_tags?: string[];
  remove_tags?: string[];
}
export type Bulk = { ids: number[] } | { filter: Filters };

const PAGE_MOST = 500;
const BULK_IDS_MAX = 10_000;

const isPages = (value: unknown): value is Pages =>
  typeof value === 'object' && value !== null && Array.isArray((value as { pages?: unknown }).pages);

function eachList(client: QueryClient, change: (pages: Pages) => Pages): void {
  client.setQueriesData<unknown>({ queryKey: keys.library }, (old: unknown) => {
    if (isPages(old)) return change(old);
    if (typeof old === 'object' && old !== null && Array.isArray((old as { items?: unknown }).items)) {
      return change({ pages: [old as Page<Item>], pageParams: [null] }).pages[0];
    }
    return old;
  });
}

export function applied(item: Item, change: Change): Item {
  const removed = new Set(change.remove_tags ?? []);
  const kept = item.tags.filter((tag) => !removed.has(tag));
  const added = (change.add_tags ?? []).filter((tag) => !kept.includes(tag));
  return {
    ...item,
    fav: change.fav ?? item.fav,
    rating: change.rating ?? item.rating,
    tags: [...kept, ...added].toSorted((a, b) => a.localeCompare(b)),
  };
}

export function patch(client: QueryClient, has: (id: number) => boolean, change: Change): void {
  eachList(client, (pages) => changed(pages, has, (item) => applied(item, change)));
  client.setQueriesData<Item>({ queryKey: ['item'] }, (old) => (old && has(old.id) ? applied(old, change) : old));
}

export function removeFromLists(client: QueryClient, ids: ReadonlySet<number>): void {
  eachList(client, (pages) => without(pages, ids));
}

export function failed(error: unknown): void {
  toast({ kind: 'bad', text: words().library.failed(error instanceof Error ? error.message : String(error)) });
}

function freshen(client: QueryClient): void {
  for (const key of [keys.library, keys.entries, keys.trash, keys.tags, ['item']]) {
    void client.invalidateQueries({ queryKey: key });
  }
}

/** Every page again from its beginning: when so much changed that there is nothing to keep. */
export function startOver(client: QueryClient): void {
  void client.resetQueries({ queryKey: keys.library });
  freshen(client);
}

/** What to name in a request: the ids, or the filter when it is all that it leaves. */
export async function bulkOf(selection: Selection, filters: Filters): Promise<Bulk> {
  if (selection.kind === 'some') return { ids: [...selection.ids] };
  if (selection.except.size === 0) return { filter: filters };
  const ids: number[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await call(
      `/api/library${query({ ...filterQuery(filters), limit: PAGE_MOST, cursor })}`,
    );
    ids.push(...page.items.map((x) => x.id).filter((id) => isSelected(selection, id)));
    cursor = page.next;
  } while (cursor !== null);
  return { ids };
}

/** In parts of as many ids as one request takes. */
async function send(bulk: Bulk, set: object): Promise<{ changed: number; trashIds: number[] }> {
  const parts: Bulk[] = [];
  if ('ids' in bulk) {
    for (let i = 0; i < bulk.ids.length; i += BULK_IDS_MAX) parts.push({ ids: bulk.ids.slice(i, i + BULK_IDS_MAX) });
  } else {
    parts.push(bulk);
  }
  let changedCount = 0;
  const trashIds: number[] = [];
  for (const part of parts) {
    const done = await call<{ changed: number; trash_id: number | null }>('/api/library/bulk', {
      body: { ...part, set },
      seconds: 120,
    });
    changedCount += done.changed;
    if (done.trash_id != null) trashIds.push(done.trash_id);
  }
  return { changed: changedCount, trashIds };
}

/** The change of one or several pictures. False when it failed. */
export async function changeItems(client: QueryClient, selection: Selection, filters: Filters, change: Change): Promise<boolean> {
  patch(client, (id) => isSelected(selection, id), change);
  try {
    const { changed: count } = await send(await bulkOf(selection, filters), change);
    if (count > 1) announce(words().library.changed(count));
    if (change.add_tags || change.remove_tags) void client.invalidateQueries({ queryKey: keys.tags });
    return true;
  } catch (error) {
    failed(error);
    freshen(client);
    return false;
  }
}

export async function restore(client: QueryClient, body: object): Promise<boolean> {
  try {
    const back = await call<{ images: number; prompts: number }>('/api/trash/restore', { body });
    announce(words().library.restored(back.images + back.prompts));
    return true;
  } catch (error) {
    failed(error);
    return false;
  } finally {
    freshen(client);
  }
}

/** Says what went to the trash, with the way back. */
export function offerUndo(client: QueryClient, text: string, trashIds: number[], after?: () => void): void {
  announce(text);
  toast({
    kind: 'info',
    text,
    group: 'trash',
    action: {
      label: words().ui.undo,
      run: () =>
        void (async () => {
          for (const trash_id of trashIds) await restore(client, { trash_id });
          after?.();
        })(),
    },
  });
}

/** Puts pictures into the trash at once, and offers the way back. */
export async function trashItems(client: QueryClient, selection: Selection, filters: Filters, onBack?: () => void): Promise<void> {
  if (selection.kind === 'some') removeFromLists(client, selection.ids);
  try {
    const { changed: count, trashIds } = await send(await bulkOf(selection, filters), { trash: true });
    offerUndo(client, words().library.trashed(count), trashIds, onBack);
    if (selection.kind === 'all') startOver(client);
    else freshen(client);
  } catch (error) {
    failed(error);
    startOver(client);
  }
}

