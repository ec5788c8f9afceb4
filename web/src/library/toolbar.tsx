// Over the pictures: how many there are, search, filters, order and size.
import { GalleryHorizontalEnd, Search, SquareCheck, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { Filters, Sort } from '@/api/types';
import type { LibrarySearch } from '@/app/router';
import { keysOf } from '@/app/key-map';
import { setPrefs, usePrefs } from '@/app/prefs';
import { useT } from '@/i18n';
import { number } from '@/lib/format';
import { IconButton } from '@/ui/button';
import { inputLook } from '@/ui/field';
import { Chips } from './chips';
import { FilterButton } from './filter-panel';
import { SavedFilters } from './saved';

const TYPING_MS = 250;
const THUMB_MIN = 96;
const THUMB_MAX = 480;

export interface ToolbarProps {
  search: LibrarySearch;
  filters: Filters;
  sort: Sort;
  total: number | null;
  isSelecting: boolean;
  onSelecting: (on: boolean) => void;
  onSortOut: () => void;
  set: (change: Partial<LibrarySearch>, replace?: boolean) => void;
}

export function Toolbar(p: ToolbarProps) {
  const t = useT().library;
  const thumb = usePrefs((s) => s.thumb);
  return (
    <div className="flex shrink-0 flex-col gap-2 border-b border-line bg-surface px-4 py-2.5 max-tablet:px-2">
      <div className="flex flex-wrap items-center gap-2">
        <h1 className="flex items-baseline gap-2 pe-2 text-body font-semibold">
          {t.title}
          <span data-testid="library-count" className="num text-caption font-normal text-text-3">
            {p.total === null ? '' : number(p.total)}
            {p.total !== null && <span className="sr-only"> {t.picturesWord(p.total)}</span>}
          </span>
        </h1>
        <SearchField value={p.search.q ?? ''} onChange={(q) => p.set({ q: q || undefined }, true)} />
        <div className="flex items-center gap-2 max-tablet:w-full">
          <FilterButton search={p.search} set={p.set} />
          <SavedFilters filters={p.filters} sort={p.sort} set={p.set} />
          <select
            aria-label={t.sort}
            data-testid="library-sort"
            value={p.sort}
            onChange={(e) => p.set({ sort: e.target.value === 'newest' ? undefined : (e.target.value as Sort) })}
            className={`${inputLook} h-8 w-auto! bg-surface! pointer-coarse:h-11`}
          >
            {(['newest', 'oldest', 'rating', 'size'] as const).map((sort) => (
              <option key={sort} value={sort}>
                {t.sorts[sort]}
              </option>
            ))}
          </select>
          <input
            type="range"
            aria-label={t.thumbSize}
            aria-valuetext={t.pixels(thumb)}
            min={THUMB_MIN}
            max={THUMB_MAX}
            step={8}
            value={thumb}
            onChange={(e) => setPrefs({ thumb: Number(e.target.value) })}
            className="h-8 w-28 min-w-11 accent-accent max-tablet:flex-1 pointer-coarse:h-11"
          />
          <IconButton
            look="plain"
            label={t.selectMode}
            pressed={p.isSelecting}
            onClick={() => p.onSelecting(!p.isSelecting)}
          >
            <SquareCheck size={16} />
          </IconButton>
          {/* On narrow screens it is where the selection is. */}
          <IconButton
            look="plain"
            label={t.sortOut}
            data-testid="library-cull"
            disabled={!p.total}
            onClick={p.onSortOut}
            className="max-tablet:hidden"
          >
            <GalleryHorizontalEnd size={16} />
          </IconButton>
        </div>
      </div>
      <Chips filters={p.filters} set={p.set} />
    </div>
  );
}

/** Typing acts after a pause; what the address says comes back when one goes back. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useT();
  const letterKeys = usePrefs((s) => s.letterKeys);
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text.trim() === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text.trim();
      onChange(sent.current);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, onChange]);
  useEffect(() => {
    const slash = (e: KeyboardEvent) => {
      const at = e.target instanceof HTMLElement ? e.target : null;
      if (!letterKeys || keysOf('search') !== '/' || e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || at?.closest('input, textarea, select, dialog, [contenteditable="true"]')) return;
      e.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    // Before the key of the whole page, which would go to the library without its filters.
    window.addEventListener('keydown', slash, true);
    return () => window.removeEventListener('keydown', slash, true);
  }, [letterKeys]);
  return (
    <div role="search" className="relative min-w-40 flex-1">
      <Search size={16} aria-hidden className="pointer-events-none absolute top-1/2 start-2.5 -translate-y-1/2 text-text-3" />
      <input
        ref={input}
        type="search"
        data-testid="library-search"
        aria-label={t.library.search}
        placeholder={t.library.searchHint}
        value={text}
        autoComplete="off"
        enterKeyHint="search"
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === 'Escape' && text !== '') {
            e.stopPropagation();
            setText('');
          }
        }}
        className={`${inputLook} h-8 pe-8 ps-8 pointer-coarse:h-11 [&::-webkit-search-cancel-button]:hidden`}
      />
      {text !== '' && (
        <IconButton
          size="small"
          label={t.library.clearSearch}
          className="absolute! top-0.5 end-0.5 pointer-coarse:top-0"
          onClick={() => {
            setText('');
            input.current?.focus();
          }}
        >
          <X size={14} />
        </IconButton>
      )}
    </div>
  );
}
