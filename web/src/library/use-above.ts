// The entries that stand above the others, also those that are further down than the history is
// loaded.
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call, query } from '@/api/client';
import { keys } from '@/api/queries';
import type { Entry, Item, Page } from '@/api/types';
import { idsAbove, useNotes } from './entry-notes';

const SHOWN_MOST = 50;

/** The row of an entry does not say how many pictures it has. */
async function wholeEntry(id: number): Promise<Entry> {
  const [row, pictures] = await Promise.all([
    call<Entry>(`/api/prompts/${id}`),
    call<Page<Item>>(`/api/library${query({ prompt_id: id, limit: 1 })}`),
  ]);
  return { ...row, images: pictures.total, cover: pictures.items[0]?.id ?? null };
}

export function useAbove(q: string, loaded: readonly Entry[]): Entry[] {
  const notes = useNotes((s) => s.list);
  const ids = useMemo(() => idsAbove(notes, q).slice(0, SHOWN_MOST), [notes, q]);
  const known = useMemo(() => new Map(loaded.map((entry) => [entry.id, entry])), [loaded]);
  return useQueries({
    queries: ids.map((id) => ({
      queryKey: [...keys.entries, 'whole', id],
      queryFn: () => wholeEntry(id),
      enabled: !known.has(id),
      retry: false, // it may be gone
    })),
    combine: (answers) => answers.flatMap((answer, i) => known.get(ids[i] ?? -1) ?? answer.data ?? []),
  });
}
