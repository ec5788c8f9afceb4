// Submissions the server did not accept: they never became jobs, but nobody's words get lost. They
// stay in the list of the queue until they are sent again or put away.
import { create } from 'zustand';
import { ApiError } from '@/api/client';
import type { NewItem } from '@/api/types';
import { newId } from '@/lib/ids';

export interface Refused {
  key: string;
  items: NewItem[];
  next: boolean;
  errors: string[];
  status: number;
}

const KEPT_MAX = 20;

export const useRefused = create<{ list: Refused[] }>()(() => ({ list: [] }));

/** To be called when adding failed; an item that is already listed takes its new reasons. */
export function noteRefused(items: NewItem[], next: boolean, error: unknown): void {
  const errors =
    error instanceof ApiError && error.fields.length > 0
      ? error.fields.map((f) => (f.field ? `${f.field}: ${f.message}` : f.message))
      : [error instanceof Error ? error.message : String(error)];
  const one = { key: newId(), items, next, errors, status: error instanceof ApiError ? error.status : 0 };
  useRefused.setState((s) => ({ list: [one, ...s.list].slice(0, KEPT_MAX) }));
}

export function dropRefused(key: string): void {
  useRefused.setState((s) => ({ list: s.list.filter((r) => r.key !== key) }));
}
