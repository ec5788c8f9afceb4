// The pages of the library that are loaded, and how fresh answers of the server go into them: what
// one looks at stays where it is, what is gone goes, what is new at the top waits to be asked for.
import type { Item, Page } from '@/api/types';

export interface Pages {
  pages: Page<Item>[];
  pageParams: (string | null)[];
}

/** Every picture once, in order. */
export function flatten(data: Pages | undefined): Item[] {
  if (!data) return [];
  const seen = new Set<number>();
  const items: Item[] = [];
  for (const page of data.pages) {
    for (const item of page.items) {
      if (seen.has(item.id)) continue;
      seen.add(item.id);
      items.push(item);
    }
  }
  return items;
}

export interface Merged {
  data: Pages;
  /** New pictures above all others that were not put in. */
  waiting: number;
}

/** Puts the fresh answer for page `at` in its place. `takeNew`: also what is new above all. */
export function merge(data: Pages, at: number, fresh: Page<Item>, takeNew: boolean): Merged {
  const old = data.pages[at];
  if (!old) return { data, waiting: 0 };
  const elsewhere = new Set(data.pages.flatMap((p, i) => (i === at ? [] : p.items.map((x) => x.id))));
  const freshById = new Map(fresh.items.map((x) => [x.id, x]));
  const oldIds = new Set(old.items.map((x) => x.id));
  const lastKnown = old.items.findLastIndex((x) => freshById.has(x.id));
  const firstKnown = fresh.items.findIndex((x) => oldIds.has(x.id) || elsewhere.has(x.id));
  const isTop = at === 0;

  if (isTop && firstKnown === -1 && old.items.length > 0 && fresh.items.length > 0) {
    // More is new than fits on a page: begin again, when that is wanted.
    if (takeNew) return { data: { pages: [fresh], pageParams: [data.pageParams[0] ?? null] }, waiting: 0 };
    return { data, waiting: Math.max(fresh.items.length, fresh.total - flatten(data).length) };
  }

  const news = isTop ? fresh.items.slice(0, Math.max(0, firstKnown)).filter((x) => !oldIds.has(x.id)) : [];
  const newIds = new Set(news.map((x) => x.id));
  const body = fresh.items.filter((x) => !newIds.has(x.id) && !elsewhere.has(x.id));
  // What stood below the last one still known was pushed off the page by what came in above it,
  // unless the page reaches beyond it: then it is gone.
  const goesBeyond = fresh.items.at(-1) !== undefined && !oldIds.has(fresh.items.at(-1)!.id);
  const isWhole = fresh.next === null || goesBeyond;
  const below = isWhole ? [] : old.items.slice(lastKnown + 1).filter((x) => !freshById.has(x.id));
  const isLast = at === data.pages.length - 1;
  const items = [...(takeNew ? news : []), ...body, ...below];
  // The next page begins where it began: its cursor does not change while it is loaded.
  const next = isLast && below.length === 0 ? fresh.next : old.next;
  const page: Page<Item> = { items, next, total: fresh.total };
  return {
    data: { ...data, pages: data.pages.map((p, i) => (i === at ? page : p)) },
    waiting: takeNew ? 0 : news.length,
  };
}

/** Without some pictures. */
export function without(data: Pages, ids: ReadonlySet<number>): Pages {
  const gone = data.pages.reduce((n, p) => n + p.items.filter((x) => ids.has(x.id)).length, 0);
  if (gone === 0) return data;
  return {
    ...data,
    pages: data.pages.map((p) => ({
      ...p,
      total: Math.max(0, p.total - gone),
      items: p.items.filter((x) => !ids.has(x.id)),
    })),
  };
}

/** With some pictures changed. */
export function changed(data: Pages, has: (id: number) => boolean, change: (item: Item) => Item): Pages {
  return {
    ...data,
    pages: data.pages.map((p) =>
      p.items.some((x) => has(x.id)) ? { ...p, items: p.items.map((x) => (has(x.id) ? change(x) : x)) } : p,
    ),
  };
}

/** The page that the picture at an index is on. */
export function pageOf(data: Pages, index: number): number {
  let end = 0;
  for (const [i, page] of data.pages.entries()) {
    end += page.items.length;
    if (index < end) return i;
  }
  return data.pages.length - 1;
}
