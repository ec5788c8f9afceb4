import { describe, expect, it } from 'vitest';
import type { Item, Page } from '@/api/types';
import { changed, flatten, merge, pageOf, without, type Pages } from './pages';

const item = (id: number): Item => ({
  id,
  w: 1,
  h: 1,
  created_at: '2026-01-01 00:00:00',
  hld: '',
  title: null,
  preset: '',
  seed: 0,
  format: 'png',
  prompt_id: null,
  parent_image_id: null,
  fav: false,
  rating: 0,
  tags: [],
  flag: null,
  loras: [],
  file: '',
});
const page = (ids: number[], next: string | null, total = 100): Page<Item> => ({ items: ids.map(item), next, total });
const two = (): Pages => ({ pages: [page([9, 8, 7], 'c7'), page([6, 5, 4], 'c4')], pageParams: [null, 'c7'] });
const ids = (data: Pages) => flatten(data).map((x) => x.id);

describe('merge', () => {
  it('holds back what is new above, and takes it when asked', () => {
    const fresh = page([11, 10, 9], 'c9');
    const held = merge(two(), 0, fresh, false);
    expect(held.waiting).toBe(2);
    expect(ids(held.data)).toEqual([9, 8, 7, 6, 5, 4]);
    const taken = merge(held.data, 0, fresh, true);
    expect(taken.waiting).toBe(0);
    expect(ids(taken.data)).toEqual([11, 10, 9, 8, 7, 6, 5, 4]);
    expect(taken.data.pages[0]!.next).toBe('c7');
  });

  it('drops what is gone, also when the page now reaches into the next one', () => {
    expect(ids(merge(two(), 0, page([9, 7, 6], 'c6'), false).data)).toEqual([9, 7, 6, 5, 4]);
    expect(ids(merge(two(), 0, page([9, 8, 6], 'c6'), false).data)).toEqual([9, 8, 6, 5, 4]);
    expect(ids(merge(two(), 1, page([6, 4, 3], 'c3'), false).data)).toEqual([9, 8, 7, 6, 4, 3]);
  });

  it('puts restored pictures back into the middle', () => {
    const lacking: Pages = { pages: [page([9, 7], 'c7'), page([6, 5, 4], 'c4')], pageParams: [null, 'c7'] };
    expect(ids(merge(lacking, 0, page([9, 8, 7], 'c7'), false).data)).toEqual([9, 8, 7, 6, 5, 4]);
    const empty: Pages = { pages: [page([9, 8, 7], 'c7'), page([], 'c4')], pageParams: [null, 'c7'] };
    expect(ids(merge(empty, 1, page([6, 5, 4], 'c4'), false).data)).toEqual([9, 8, 7, 6, 5, 4]);
  });

  it('takes pictures that were changed', () => {
    const fresh = page([9, 8, 7], 'c7');
    fresh.items[1] = { ...fresh.items[1]!, fav: true };
    expect(flatten(merge(two(), 0, fresh, false).data)[1]!.fav).toBe(true);
  });

  it('takes what is new below at the end of a list, and begins again after too many new ones', () => {
    const all: Pages = { pages: [page([1, 2], null, 2)], pageParams: [null] };
    expect(ids(merge(all, 0, page([1, 2, 3], null, 3), false).data)).toEqual([1, 2, 3]);
    const far = merge(two(), 0, page([20, 19, 18], 'c18', 106), false);
    expect(far.waiting).toBe(100);
    expect(ids(merge(two(), 0, page([20, 19, 18], 'c18', 106), true).data)).toEqual([20, 19, 18]);
  });

  it('fills an empty library', () => {
    const none: Pages = { pages: [page([], null, 0)], pageParams: [null] };
    expect(ids(merge(none, 0, page([1], null, 1), true).data)).toEqual([1]);
  });
});

describe('pages', () => {
  it('lists every picture once', () => {
    expect(ids({ pages: [page([3, 2], 'a'), page([2, 1], null)], pageParams: [null, 'a'] })).toEqual([3, 2, 1]);
    expect(flatten(undefined)).toEqual([]);
  });
  it('goes without some and counts them', () => {
    const less = without(two(), new Set([9, 5]));
    expect(ids(less)).toEqual([8, 7, 6, 4]);
    expect(less.pages[0]!.total).toBe(98);
  });
  it('changes some', () => {
    const now = changed(two(), (id) => id === 5, (x) => ({ ...x, rating: 4 }));
    expect(flatten(now).filter((x) => x.rating === 4).map((x) => x.id)).toEqual([5]);
  });
  it('knows the page of an index', () => {
    expect([0, 2, 3, 9].map((i) => pageOf(two(), i))).toEqual([0, 0, 1, 1]);
  });
});
