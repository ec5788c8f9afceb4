// Pictures that were finished and not looked at yet, for the badge at the library (C11). Kept, so
// that a reload does not forget them, and shared by the tabs of a profile.
import * as v from 'valibot';
import { create } from 'zustand';
import type { Job } from '@/api/types';
import { load, save, watch } from '@/lib/storage';

const KEY = 'fresh';
const KEPT = 200;
const Fresh = v.array(v.object({ image: v.number(), prompt: v.nullable(v.number()) }));
type List = v.InferOutput<typeof Fresh>;

const kept = (): List => load(KEY, Fresh) ?? [];

export const useFresh = create<{ list: List }>()(() => ({ list: kept() }));

watch(KEY, () => useFresh.setState({ list: kept() }));

function put(list: List): void {
  if (list.length === useFresh.getState().list.length) return;
  useFresh.setState({ list });
  save(KEY, list);
}

export function noteFresh({ image_id: image, prompt_id: prompt, flag }: Job): void {
  const { list } = useFresh.getState();
  if (image === null || flag === 'blocked' || list.some((one) => one.image === image)) return;
  put([...list, { image, prompt }].slice(-KEPT));
}

/** Looked at: those of an entry, or all of them. */
export const seeEntry = (id: number): void => put(useFresh.getState().list.filter((one) => one.prompt !== id));
export const seeAll = (): void => put([]);
