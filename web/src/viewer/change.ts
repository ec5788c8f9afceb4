// Stars, favourite, tags and trash of one picture, with what the library does for many.
import type { QueryClient } from '@tanstack/react-query';
import { call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Flag, Item } from '@/api/types';
import { words } from '@/i18n';
import { changeItems, trashItems, type Change } from '@/library/actions';
import { because } from '@/queue/actions';
import { toast } from '@/ui/toasts';

const one = (id: number) => ({ kind: 'some' as const, ids: new Set([id]) });

export function change(client: QueryClient, item: Item, what: Change): Promise<boolean> {
  return changeItems(client, one(item.id), {}, what);
}

export function rate(client: QueryClient, item: Item, stars: number): void {
  void change(client, item, { rating: stars });
}

export function trash(client: QueryClient, id: number): Promise<void> {
  return trashItems(client, one(id), {});
}

/** Overrules, or takes back, that a picture is the model's refusal. */
export async function setFlag(client: QueryClient, item: Item, flag: Flag): Promise<void> {
  try {
    await call(`/api/library/${item.id}`, { method: 'PATCH', body: { flag } });
    for (const key of [keys.library, ['item'], keys.queue]) void client.invalidateQueries({ queryKey: key });
  } catch (e) {
    toast({ kind: 'bad', text: words().viewer.actionFailed(because(e)) });
  }
}
