// What is done to an entry of the history.
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Entry, Page } from '@/api/types';
import { useDocument } from '@/document/store';
import { openDocument } from '@/editor/open';
import { docOfRow } from '@/editor/stored';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { changeItems, failed, offerUndo } from './actions';

export const favoritesKey = [...keys.entries, 'favorites'] as const;
export interface Favorite {
  image_id: number;
}

export function favoriteEntry(client: QueryClient, cover: number, fav: boolean): void {
  client.setQueryData<Favorite[]>(favoritesKey, (list) =>
    fav ? [...(list ?? []), { image_id: cover }] : list?.filter((f) => f.image_id !== cover),
  );
  void changeItems(client, { kind: 'some', ids: new Set([cover]) }, {}, { fav }).then((done) => {
    if (!done) void client.invalidateQueries({ queryKey: favoritesKey });
  });
}

function withoutEntry(client: QueryClient, id: number): void {
  client.setQueriesData<InfiniteData<Page<Entry>>>({ queryKey: keys.entries }, (data) =>
    data?.pages
      ? { ...data, pages: data.pages.map((p) => ({ ...p, items: p.items.filter((e) => e.id !== id), total: p.total - 1 })) }
      : data,
  );
}

export async function trashEntry(client: QueryClient, id: number): Promise<void> {
  withoutEntry(client, id);
  const freshen = () => {
    for (const key of [keys.entries, keys.library, keys.trash]) {
      void client.invalidateQueries({ queryKey: key });
    }
  };
  try {
    const { trash_id } = await call<{ trash_id: number | null }>('/api/trash', { body: { prompts: [id] } });
    offerUndo(client, words().library.entryTrashed, trash_id === null ? [] : [trash_id], freshen);
    client.removeQueries({ queryKey: keys.entry(id) });
  } catch (error) {
    failed(error);
  }
  freshen();
}

/** A copy of the entry in the blank editor; what was there comes back with undo. */
export async function duplicateEntry(entry: Entry): Promise<boolean> {
  const t = words();
  const stored = docOfRow(entry.form_json);
  if (!stored) {
    toast({ kind: 'bad', text: t.library.duplicateFailed });
    return false;
  }
  await openDocument('new');
  const { settings } = stored.doc;
  useDocument.getState().replace('duplicate', { ...stored.doc, settings: { ...settings, seed: '', seedLocked: false } });
  toast({
    kind: 'ok',
    text: t.library.duplicated,
    group: 'new',
    action: { label: t.ui.undo, run: () => useDocument.getState().undo() },
  });
  return true;
}
