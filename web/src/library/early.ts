// What the library shows first, asked for before its script has arrived: pictures do not wait for
// the page, nor the page for the pictures.
import { call, query } from '@/api/client';
import { filterQuery, PAGE_ITEMS } from '@/api/queries';
import type { Filters, Item, Page, Sort } from '@/api/types';

const FRESH_MS = 5000;
const asked = new Map<string, { at: number; answer: Promise<unknown> }>();

export const pageUrl = (filters: Filters, sort: Sort, cursor: string | null, limit = PAGE_ITEMS): string =>
  `/api/library${query({ ...filterQuery(filters), sort, limit, cursor })}`;
export const timelineUrl = (filters: Filters): string => `/api/library/timeline${query(filterQuery(filters))}`;

function ask(url: string): void {
  const before = asked.get(url);
  if (before && Date.now() - before.at < FRESH_MS) return;
  const answer = call(url);
  answer.catch(() => asked.delete(url)); // whoever needs it asks again, and says why it failed
  asked.set(url, { at: Date.now(), answer });
}

export function askEarly(filters: Filters, sort: Sort): void {
  ask(pageUrl(filters, sort, null));
  if (sort === 'newest' || sort === 'oldest') ask(timelineUrl(filters));
}

/** The answer that is on its way or just came, once; else a new one. */
export function callOnce<T>(url: string): Promise<T> {
  const early = asked.get(url);
  asked.delete(url);
  return early && Date.now() - early.at < FRESH_MS ? (early.answer as Promise<T>) : call<T>(url);
}

export const firstPage = (filters: Filters, sort: Sort): Promise<Page<Item>> => callOnce(pageUrl(filters, sort, null));
