// What the server knows, as the page reads it. Keys are listed here so that events can patch them.
import { queryOptions, infiniteQueryOptions } from '@tanstack/react-query';
import { call, query } from './client';
import type { Capabilities, Entry, Filters, Item, Job, ModelStatus, Page, Queue, Recipe, Sort, WholeJob } from './types';

export const keys = {
  queue: ['queue'] as const,
  job: (id: number) => ['job', id] as const,
  capabilities: ['capabilities'] as const,
  model: ['model'] as const,
  lora: ['lora'] as const,
  library: ['library'] as const,
  entries: ['entries'] as const,
  entry: (id: number) => ['entry', id] as const,
  trash: ['trash'] as const,
  tags: ['tags'] as const,
};

export const PAGE_ITEMS = 200;

export const queueQuery = queryOptions({ queryKey: keys.queue, queryFn: () => call<Queue>('/api/queue') });

export const jobQuery = (id: number) =>
  queryOptions({ queryKey: keys.job(id), queryFn: () => call<WholeJob>(`/api/queue/${id}`) });

export const capabilitiesQuery = queryOptions({
  queryKey: keys.capabilities,
  queryFn: () => call<Capabilities>('/api/capabilities'),
});

export const modelQuery = queryOptions({
  queryKey: keys.model,
  queryFn: () => call<ModelStatus>('/api/model/status'),
});

export function filterQuery(filters: Filters) {
  return {
    q: filters.q,
    fav: filters.fav,
    rating: filters.rating || undefined,
    tag: filters.tag,
    preset: filters.preset,
    from: filters.from,
    to: filters.to,
    ratio: filters.ratio,
    lora: filters.lora,
    flag: filters.flag,
    prompt_id: filters.prompt_id,
  };
}

export const libraryQuery = (filters: Filters, sort: Sort) =>
  infiniteQueryOptions({
    queryKey: [...keys.library, filters, sort],
    queryFn: ({ pageParam, signal }) =>
      call<Page<Item>>(
        `/api/library${query({ ...filterQuery(filters), sort, limit: PAGE_ITEMS, cursor: pageParam })}`,
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });

export const itemQuery = (id: number) =>
  queryOptions({ queryKey: ['item', id], queryFn: () => call<Item>(`/api/library/${id}`) });

export const recipeQuery = (id: number) =>
  queryOptions({
    queryKey: ['recipe', id],
    queryFn: () => call<Recipe>(`/api/images/${id}/recipe`),
    staleTime: Infinity,
  });

export const entriesQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.entries, q],
    queryFn: ({ pageParam, signal }) =>
      call<Page<Entry>>(`/api/prompts${query({ q, limit: 100, cursor: pageParam })}`, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });

export const entryQuery = (id: number) =>
  queryOptions({ queryKey: keys.entry(id), queryFn: () => call<Entry>(`/api/prompts/${id}`), retry: false });

/** Versions of an entry, newest first. */
export const versionsQuery = (promptId: number) =>
  queryOptions({
    queryKey: [...keys.library, 'versions', promptId],
    queryFn: () =>
      call<Page<Item>>(`/api/library${query({ prompt_id: promptId, flag: 'any', sort: 'newest', limit: PAGE_ITEMS })}`),
  });

export const estimateQuery = (width: number, height: number, preset: string) =>
  queryOptions({
    queryKey: ['estimate', width, height, preset],
    queryFn: () =>
      call<{ seconds: number | null; basis: string }>(`/api/estimate${query({ width, height, preset })}`),
  });

export const thumbUrl = (id: number, side: 160 | 320 | 640 = 320): string => `/api/images/${id}/thumb?w=${side}`;
export const fileUrl = (id: number): string => `/api/images/${id}/file`;
export const previewUrl = (job: Pick<Job, 'id'>, step: number): string => `/api/queue/${job.id}/preview?step=${step}`;
