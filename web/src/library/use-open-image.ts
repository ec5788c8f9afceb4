// The picture open in the viewer: named in the address, so that reload, links and back show it,
// also when it is far down or its page is not loaded.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { ApiError } from '@/api/client';
import { itemQuery } from '@/api/queries';
import type { Item, Sort } from '@/api/types';

export interface OpenImage {
  items: Item[];
  index: number;
}

const AHEAD = 60; // loaded beyond the open one
const STRIDE = 5000; // loaded at once when nobody knows how far down it is

export function useOpenImage(
  id: number | undefined,
  items: Item[],
  total: number | null,
  sort: Sort,
  reach: (index: number) => void,
  show: (id: number | undefined) => void,
): OpenImage | null {
  const found = useMemo(() => (id === undefined ? -1 : items.findIndex((x) => x.id === id)), [id, items]);
  const [before, setBefore] = useState(-1); // where it stood
  const isMissing = id !== undefined && found === -1;
  const { data, error } = useQuery({ ...itemQuery(id ?? 0), enabled: isMissing, retry: false });
  const one = data?.id === id ? data : undefined;

  const isOpen = id !== undefined;
  useEffect(() => {
    if (!isOpen) setBefore(-1);
  }, [isOpen]);
  useEffect(() => {
    if (found === -1) return;
    setBefore(found);
    reach(found + AHEAD);
  }, [found, reach]);

  // Its page is further down: load until it is there.
  const last = items.at(-1);
  const isBelow =
    isMissing && one !== undefined && last !== undefined && items.length < (total ?? 0) &&
    (sort === 'newest' ? last.created_at >= one.created_at : sort === 'oldest' && last.created_at <= one.created_at);
  useEffect(() => {
    if (isBelow) reach(Math.min(items.length + STRIDE, total ?? 0) - 1);
  }, [isBelow, items.length, total, reach]);

  // It is gone: its neighbour takes its place.
  const isGone = isMissing && error instanceof ApiError && error.status === 404;
  useEffect(() => {
    if (!isGone) return;
    show(before === -1 ? undefined : items[Math.min(before, items.length - 1)]?.id);
  }, [isGone, before, items, show]);

  return useMemo(() => {
    if (id === undefined) return null;
    if (found !== -1) return { items, index: found };
    if (!one) return null;
    // Not in this list (any more): it stays open where it was.
    if (before === -1) return { items: [one], index: 0 };
    return { items: [...items.slice(0, before), one, ...items.slice(before)], index: Math.min(before, items.length) };
  }, [id, found, before, items, one]);
}
