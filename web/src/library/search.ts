// The address of the library and what it means: filters, their chips, and what a chip's removal
// leaves.
import type { Filters, Sort } from '@/api/types';
import type { LibrarySearch } from '@/app/router';

export type FilterKey = keyof Filters;
export const FILTER_KEYS: FilterKey[] = [
  'q', 'fav', 'rating', 'tag', 'preset', 'ratio', 'lora', 'from', 'to', 'flag', 'prompt_id',
];

/** Without what is absent, so that the same filter is the same key. */
export function filtersOf(search: LibrarySearch): Filters {
  const filters: Record<string, unknown> = {};
  for (const key of FILTER_KEYS) {
    const value = search[key];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    if (key === 'rating' && value === 0) continue;
    filters[key] = value;
  }
  return filters as Filters;
}

export const sortOf = (search: LibrarySearch): Sort => search.sort ?? 'newest';
export const isFiltered = (filters: Filters): boolean => Object.keys(filters).length > 0;

/** One thing that narrows the list: what it is, and the address without it. */
export interface Chip {
  key: FilterKey;
  value: string;
  without: Partial<LibrarySearch>;
}

export function chipsOf(filters: Filters): Chip[] {
  const chips: Chip[] = [];
  for (const key of FILTER_KEYS) {
    const value = filters[key];
    if (value === undefined) continue;
    if (Array.isArray(value)) {
      for (const one of value) {
        const rest = value.filter((other) => other !== one);
        chips.push({ key, value: one, without: { [key]: rest.length > 0 ? rest : undefined } });
      }
    } else {
      chips.push({ key, value: String(value), without: { [key]: undefined } });
    }
  }
  return chips;
}

export const NO_FILTERS: Partial<LibrarySearch> = Object.fromEntries(FILTER_KEYS.map((key) => [key, undefined]));

/** The same with one tag more. */
export function withTag(search: LibrarySearch, tag: string): Partial<LibrarySearch> {
  const tags = search.tag ?? [];
  return { tag: tags.includes(tag) ? tags : [...tags, tag] };
}
