// What narrows the list, one chip each, with its removal.
import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { capabilitiesQuery } from '@/api/queries';
import type { Filters } from '@/api/types';
import type { LibrarySearch } from '@/app/router';
import { locale, useT } from '@/i18n';
import { dateOfDay } from './days';
import { chipsOf, NO_FILTERS, type Chip } from './search';

/** The words of a chip. */
export function useChipText(): (chip: Chip) => string {
  const t = useT().library;
  const { data: server } = useQuery(capabilitiesQuery);
  const date = (text: string) =>
    /^\d{4}-\d\d-\d\d$/.test(text) ? dateOfDay(text).toLocaleDateString(locale(), { dateStyle: 'medium' }) : text;
  return ({ key, value }) => {
    switch (key) {
      case 'q':
        return t.chip.words(value);
      case 'fav':
        return value === 'true' ? t.favorites : t.notFavorites;
      case 'rating':
        return t.chip.rating(Number(value));
      case 'tag':
        return t.chip.tag(value);
      case 'preset':
        return server?.presets?.find((p) => p.name === value)?.label ?? value;
      case 'ratio':
        return t.ratios[value as keyof typeof t.ratios] ?? value;
      case 'lora':
        return value === 'none' ? t.noLora : t.chip.lora(value);
      case 'from':
        return t.chip.from(date(value));
      case 'to':
        return t.chip.to(date(value));
      case 'flag':
        return value === 'blocked' ? t.kind.blocked : t.kind.any;
      default:
        return value === 'none' ? t.kind.unlinked : t.chip.entry(value);
    }
  };
}

export function Chips({ filters, set }: { filters: Filters; set: (change: Partial<LibrarySearch>) => void }) {
  const t = useT().library;
  const text = useChipText();
  const chips = chipsOf(filters);
  if (chips.length === 0) return null;
  return (
    <ul aria-label={t.activeFilters} className="flex flex-wrap items-center gap-1.5">
      {chips.map((chip) => (
        <li key={`${chip.key}:${chip.value}`}>
          <button
            type="button"
            data-testid="library-chip"
            aria-label={t.removeFilter(text(chip))}
            onClick={() => set(chip.without)}
            className="flex h-7 max-w-64 items-center gap-1 rounded-full border border-line bg-surface pe-1.5 ps-2.5 text-control text-text-2 hover:border-line-strong hover:text-text pointer-coarse:h-11"
          >
            <span className="truncate">{text(chip)}</span>
            <X size={14} aria-hidden className="shrink-0" />
          </button>
        </li>
      ))}
      {chips.length > 1 && (
        <li>
          <button
            type="button"
            onClick={() => set(NO_FILTERS)}
            className="h-7 rounded-control px-2 text-control text-text-2 underline underline-offset-2 hover:text-text pointer-coarse:h-11"
          >
            {t.clearFilters}
          </button>
        </li>
      )}
    </ul>
  );
}
