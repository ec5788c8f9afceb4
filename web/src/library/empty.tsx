// Nothing to see: why, and the way on.
import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { call, query } from '@/api/client';
import { filterQuery, keys } from '@/api/queries';
import type { Filters, Item, Page } from '@/api/types';
import type { LibrarySearch } from '@/app/router';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { useChipText } from './chips';
import { chipsOf, isFiltered, NO_FILTERS } from './search';

/** A link that stands where a button would. */
export const wayOn =
  'inline-flex h-8 items-center rounded-control border border-line-control bg-surface px-3 text-control font-medium hover:bg-sunken pointer-coarse:h-11';

export function Message({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-3 p-6 text-center">
      <p className="text-title font-semibold">{title}</p>
      {text && <p className="max-w-prose text-text-2">{text}</p>}
      {children && <div className="flex flex-wrap items-center justify-center gap-2">{children}</div>}
    </div>
  );
}

export function Empty({ filters, set }: { filters: Filters; set: (change: Partial<LibrarySearch>) => void }) {
  const t = useT().library;
  if (filters.fav === true && chipsOf(filters).length === 1) {
    return (
      <Message title={t.noFavorites} text={t.noFavoritesText}>
        <Button onClick={() => set(NO_FILTERS)}>{t.allPictures}</Button>
      </Message>
    );
  }
  if (isFiltered(filters)) return <NothingFound filters={filters} set={set} />;
  return (
    <Message title={t.empty} text={t.emptyText}>
      <Link to="/" className={wayOn}>
        {t.draw}
      </Link>
    </Message>
  );
}

/** Names the filter whose removal brings something back: the one that brings the most. */
function NothingFound({ filters, set }: { filters: Filters; set: (change: Partial<LibrarySearch>) => void }) {
  const t = useT().library;
  const text = useChipText();
  const chips = chipsOf(filters);
  const counts = useQueries({
    queries: chips.map((chip) => {
      const rest = { ...filters, ...chip.without } as Filters;
      return {
        queryKey: [...keys.library, 'count', rest],
        queryFn: async () =>
          (await call<Page<Item>>(`/api/library${query({ ...filterQuery(rest), limit: 1 })}`)).total,
      };
    }),
  });
  const ways = chips
    .map((chip, i) => ({ chip, count: counts[i]?.data ?? 0 }))
    .filter((way) => way.count > 0)
    .toSorted((a, b) => b.count - a.count);
  const best = ways[0];
  return (
    <Message title={t.nothingFound} text={best ? t.without(text(best.chip), best.count) : undefined}>
      {best && (
        <Button look="ink" onClick={() => set(best.chip.without)}>
          {t.removeFilter(text(best.chip))}
        </Button>
      )}
      {(chips.length > 1 || !best) && <Button onClick={() => set(NO_FILTERS)}>{t.clearFilters}</Button>}
    </Message>
  );
}
