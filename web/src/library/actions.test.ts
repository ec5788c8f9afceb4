import { QueryClient } from '@tanstack/react-query';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keys } from '@/api/queries';
import type { Item, Page } from '@/api/types';
import { applied, bulkOf, changeItems, patch } from './actions';
import { EVERYTHING, toggle } from './selection';

const item = (id: number): Item => ({
  id, w: 1, h: 1, created_at: '', hld: '', title: null, preset: '', seed: 0, format: 'png', prompt_id: null,
  parent_image_id: null, fav: false, rating: 0, tags: ['b'], flag: null, loras: [], file: '',
});
const page = (...ids: number[]): Page<Item> => ({ items: ids.map(item), next: null, total: ids.length });
const answer = (body: unknown, status = 200) =>
  Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));

afterEach(() => vi.unstubAllGlobals());

describe('changes of pictures', () => {
  it('leave alone what they do not name, and sort tags', () => {
    expect(applied(item(1), { rating: 3 })).toMatchObject({ rating: 3, fav: false, tags: ['b'] });
    expect(applied(item(1), { add_tags: ['a', 'b'], remove_tags: [] }).tags).toEqual(['a', 'b']);
    expect(applied(item(1), { remove_tags: ['b'] }).tags).toEqual([]);
  });

  it('show at once in pages, lists and single pictures', () => {
    const client = new QueryClient();
    client.setQueryData([...keys.library, {}, 'newest'], { pages: [page(1, 2)], pageParams: [null] });
    client.setQueryData([...keys.library, 'versions', 7], page(2));
    client.setQueryData([...keys.library, 'timeline', ''], { unit: 'day', buckets: [], total: 0 });
    client.setQueryData(['item', 2], item(2));
    patch(client, (id) => id === 2, { fav: true });
    const pages = client.getQueryData<{ pages: Page<Item>[] }>([...keys.library, {}, 'newest'])!;
    expect(pages.pages[0]!.items.map((x) => x.fav)).toEqual([false, true]);
    expect(client.getQueryData<Page<Item>>([...keys.library, 'versions', 7])!.items[0]!.fav).toBe(true);
    expect(client.getQueryData<Item>(['item', 2])!.fav).toBe(true);
  });

  it('name ids, the whole filter, or all ids but a few', async () => {
    const seen: string[] = [];
    vi.stubGlobal('fetch', (url: string) => {
      seen.push(url);
      return answer({ ...page(9, 8, 7), next: seen.length === 1 ? 'c' : null });
    });
    expect(await bulkOf({ kind: 'some', ids: new Set([3]) }, {})).toEqual({ ids: [3] });
    expect(await bulkOf(EVERYTHING, { q: 'x' })).toEqual({ filter: { q: 'x' } });
    expect(seen).toEqual([]);
    expect(await bulkOf(toggle(EVERYTHING, 8), { fav: true })).toEqual({ ids: [9, 7, 9, 7] });
    expect(seen).toEqual(['/api/library?fav=1&limit=500', '/api/library?fav=1&limit=500&cursor=c']);
  });

  it('say when they failed', async () => {
    vi.stubGlobal('fetch', () => answer({ error: 'no room' }, 507));
    const client = new QueryClient();
    expect(await changeItems(client, { kind: 'some', ids: new Set([1]) }, {}, { fav: true })).toBe(false);
  });
});
