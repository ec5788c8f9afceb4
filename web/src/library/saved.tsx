// Filters that a person keeps under a name, in this browser.
import { Bookmark, Plus, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import * as v from 'valibot';
import { create } from 'zustand';
import type { Filters, Sort } from '@/api/types';
import { LibrarySearch } from '@/app/router';
import { load, save, watch } from '@/lib/storage';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { Menu } from '@/ui/menu';
import { filtersOf, isFiltered, NO_FILTERS } from './search';

const SAVED_MOST = 30;
const Saved = v.array(v.object({ name: v.pipe(v.string(), v.minLength(1)), search: LibrarySearch }));
type Saved = v.InferOutput<typeof Saved>;

const useSaved = create<{ list: Saved }>()(() => ({ list: load('filters', Saved) ?? [] }));
if (typeof window !== 'undefined') watch('filters', () => useSaved.setState({ list: load('filters', Saved) ?? [] }));

function keep(list: Saved): void {
  useSaved.setState({ list });
  save('filters', list);
}

export function SavedFilters({
  filters,
  sort,
  set,
}: {
  filters: Filters;
  sort: Sort;
  set: (change: Partial<LibrarySearch>) => void;
}) {
  const t = useT();
  const list = useSaved((s) => s.list);
  const [naming, setNaming] = useState(false);
  const [tidying, setTidying] = useState(false);
  const here = JSON.stringify(filters);
  const canSave = isFiltered(filters);
  if (list.length === 0 && !canSave) return null;
  return (
    <>
      <Menu
        trigger={
          <IconButton look="plain" label={t.library.savedFilters} data-testid="library-saved">
            <Bookmark size={16} />
          </IconButton>
        }
        items={[
          ...list.map((saved) => ({
            label: saved.name,
            checked: JSON.stringify(filtersOf(saved.search)) === here,
            run: () => set({ ...NO_FILTERS, ...saved.search }),
          })),
          ...(list.length > 0 ? [null] : []),
          { label: t.library.saveFilter, icon: <Plus size={14} />, disabled: !canSave, run: () => setNaming(true) },
          ...(list.length > 0
            ? [{ label: t.library.tidyFilters, icon: <Trash2 size={14} />, run: () => setTidying(true) }]
            : []),
        ]}
      />
      {naming && (
        <Naming
          onClose={() => setNaming(false)}
          onName={(name) =>
            keep(
              [
                ...list.filter((saved) => saved.name !== name),
                { name, search: { ...filters, sort: sort === 'newest' ? undefined : sort } as LibrarySearch },
              ].slice(-SAVED_MOST),
            )
          }
        />
      )}
      {tidying && (
        <Dialog title={t.library.savedFilters} onClose={() => setTidying(false)}>
          <ul className="flex flex-col divide-y divide-line">
            {list.map((saved) => (
              <li key={saved.name} className="flex items-center gap-2 py-1">
                <span className="min-w-0 flex-1 truncate">{saved.name}</span>
                <IconButton
                  label={t.library.forget(saved.name)}
                  onClick={() => {
                    const rest = list.filter((other) => other !== saved);
                    keep(rest);
                    if (rest.length === 0) setTidying(false);
                  }}
                >
                  <Trash2 size={16} />
                </IconButton>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}

function Naming({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const t = useT();
  const [name, setName] = useState('');
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), []); // after the dialog has put it elsewhere
  return (
    <Dialog title={t.library.saveFilter} onClose={onClose}>
      <form
        ref={form}
        className="flex items-end gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          if (name.trim() === '') return;
          onName(name.trim());
          onClose();
        }}
      >
        <TextField
          label={t.library.filterName}
          className="flex-1"
          maxLength={60}
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <Button look="ink" type="submit">
          {t.ui.save}
        </Button>
      </form>
    </Dialog>
  );
}
