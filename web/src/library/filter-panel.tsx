// All filters in one place; each acts at once and becomes a chip.
import { useQuery } from '@tanstack/react-query';
import { ListFilter } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useId, useState } from 'react';
import { call, query } from '@/api/client';
import { capabilitiesQuery, keys } from '@/api/queries';
import type { LibrarySearch } from '@/app/router';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Field, inputLook, SelectField, TextField } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { withTag } from './search';

type Set = (change: Partial<LibrarySearch>) => void;

const RATIOS = ['square', 'landscape', 'portrait', '16:9', '3:2', '4:3', '2:1', '9:16', '2:3', '3:4'];

export function FilterButton({ search, set }: { search: LibrarySearch; set: Set }) {
  const t = useT().library;
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button icon={<ListFilter size={16} aria-hidden />} aria-label={t.filter} data-testid="library-filter">
          <span className="max-laptop:sr-only">{t.filter}</span>
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t.filter}
          className="scroll-thin z-50 flex max-h-(--radix-popover-content-available-height) w-80 max-w-[calc(100vw-1rem)] flex-col gap-3 overflow-y-auto rounded-panel bg-surface p-4 shadow-pop"
        >
          <Fields search={search} set={set} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Fields({ search, set }: { search: LibrarySearch; set: Set }) {
  const t = useT().library;
  const { data: server } = useQuery(capabilitiesQuery);
  const show = search.prompt_id === 'none' ? 'unlinked' : (search.flag ?? 'normal');
  return (
    <>
      <div className="flex flex-col gap-1">
        <span className="text-caption font-medium text-text-2">{t.marked}</span>
        <Segmented
          label={t.marked}
          value={search.fav === undefined ? 'any' : search.fav ? 'fav' : 'not'}
          onChange={(v) => set({ fav: v === 'any' ? undefined : v === 'fav' })}
          choices={[
            { value: 'any', label: t.all },
            { value: 'fav', label: t.favorites },
            { value: 'not', label: t.notFavorites },
          ]}
        />
      </div>
      <div className="flex flex-col gap-1">
        <span className="text-caption font-medium text-text-2">{t.atLeast}</span>
        <Segmented
          label={t.atLeast}
          value={String(search.rating ?? 0)}
          onChange={(v) => set({ rating: v === '0' ? undefined : Number(v) })}
          choices={['0', '1', '2', '3', '4', '5'].map((value) => ({ value, label: value === '0' ? t.all : `${value}★` }))}
        />
      </div>
      <TagField search={search} set={set} />
      <div className="grid grid-cols-2 gap-3">
        <SelectField
          label={t.preset}
          value={search.preset ?? ''}
          onChange={(e) => set({ preset: e.target.value || undefined })}
        >
          <option value="">{t.all}</option>
          {(server?.presets ?? []).map((preset) => (
            <option key={preset.name} value={preset.name}>
              {preset.label}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t.ratio}
          value={search.ratio ?? ''}
          onChange={(e) => set({ ratio: e.target.value || undefined })}
        >
          <option value="">{t.all}</option>
          {RATIOS.map((ratio) => (
            <option key={ratio} value={ratio}>
              {t.ratios[ratio as keyof typeof t.ratios] ?? ratio}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t.from}
          type="date"
          value={search.from ?? ''}
          max={search.to}
          onChange={(e) => set({ from: e.target.value || undefined })}
        />
        <TextField
          label={t.to}
          type="date"
          value={search.to ?? ''}
          min={search.from}
          onChange={(e) => set({ to: e.target.value || undefined })}
        />
      </div>
      <LoraField search={search} set={set} />
      <SelectField
        label={t.kinds}
        data-testid="library-kinds"
        value={show}
        onChange={(e) => {
          const kind = e.target.value;
          set({
            flag: kind === 'blocked' || kind === 'any' ? kind : undefined,
            prompt_id: kind === 'unlinked' ? 'none' : undefined,
          });
        }}
      >
        <option value="normal">{t.kind.normal}</option>
        <option value="any">{t.kind.any}</option>
        <option value="blocked">{t.kind.blocked}</option>
        <option value="unlinked">{t.kind.unlinked}</option>
      </SelectField>
    </>
  );
}

function LoraField({ search, set }: { search: LibrarySearch; set: Set }) {
  const t = useT().library;
  const { data } = useQuery({
    queryKey: keys.lora,
    queryFn: () => call<{ available?: unknown[] }>('/api/lora/status'),
  });
  const names = (data?.available ?? []).flatMap((one) =>
    typeof one === 'string' ? [one] : typeof one === 'object' && one !== null && 'name' in one ? [String(one.name)] : [],
  );
  if (search.lora && search.lora !== 'none' && !names.includes(search.lora)) names.push(search.lora);
  return (
    <SelectField label={t.lora} value={search.lora ?? ''} onChange={(e) => set({ lora: e.target.value || undefined })}>
      <option value="">{t.all}</option>
      <option value="none">{t.noLora}</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}

export interface Tag {
  name: string;
  count: number;
}

export function useTags(begin: string) {
  return useQuery({
    queryKey: [...keys.tags, begin],
    queryFn: () => call<{ tags: Tag[] }>(`/api/library/tags${query({ q: begin })}`),
    placeholderData: (before) => before,
  });
}

function TagField({ search, set }: { search: LibrarySearch; set: Set }) {
  const t = useT().library;
  const [text, setText] = useState('');
  const list = useId();
  const { data } = useTags(text.trim());
  const tags = (data?.tags ?? []).filter((tag) => !search.tag?.includes(tag.name));
  const add = (name: string) => {
    if (name.trim() === '') return;
    set(withTag(search, name.trim()));
    setText('');
  };
  return (
    <Field label={t.tag}>
      {({ id }) => (
        <>
          <input
            id={id}
            list={list}
            value={text}
            autoComplete="off"
            placeholder={t.tagHint}
            onChange={(e) => {
              const { value } = e.target;
              // Chosen from the list: browsers say so by the kind of the event.
              const isChosen = !(e.nativeEvent instanceof InputEvent) || e.nativeEvent.inputType === 'insertReplacementText';
              if (isChosen && tags.some((tag) => tag.name === value)) add(value);
              else setText(value);
            }}
            onKeyDown={(e) => {
              if (e.key !== 'Enter') return;
              e.preventDefault();
              add(text);
            }}
            className={`${inputLook} h-8 pointer-coarse:h-11`}
          />
          <datalist id={list}>
            {tags.map((tag) => (
              <option key={tag.name} value={tag.name}>
                {tag.count}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
