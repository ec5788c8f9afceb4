// The same picture with other seeds (B14): how many, which, at which quality, and what it will take.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { capabilitiesQuery, estimateQuery, recipeQuery } from '@/api/queries';
import type { Item } from '@/api/types';
import { useT } from '@/i18n';
import { SEED_MAX } from '@/lib/ids';
import { duration } from '@/lib/format';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { NumberField, SelectField, TextArea } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { itemFrom } from '@/viewer/again';
import { addItems } from './actions';
import { seedsOf, SEEDS_MOST, type How } from './seeds';
import { closeSeeds, useSeeds } from './seeds-state';

const KINDS: How['kind'][] = ['random', 'following', 'list'];

function Seeds({ item }: { item: Item }) {
  const t = useT();
  const w = t.queue.seeds;
  const client = useQueryClient();
  const { data: can } = useQuery(capabilitiesQuery);
  const { data: recipe, error } = useQuery(recipeQuery(item.id));
  const [kind, setKind] = useState<How['kind']>('random');
  const [count, setCount] = useState(4);
  const [first, setFirst] = useState((item.seed + 1) % (SEED_MAX + 1));
  const [text, setText] = useState('');
  const [preset, setPreset] = useState(item.preset);
  const [isBusy, setBusy] = useState(false);
  const { data: estimate } = useQuery({ ...estimateQuery(item.w, item.h, preset), retry: false });
  const how = useMemo<How>(
    () => (kind === 'list' ? { kind, text } : kind === 'random' ? { kind, count } : { kind, count, first }),
    [kind, text, count, first],
  );
  const { seeds, bad, isCut } = useMemo(() => seedsOf(how), [how]);
  const noCaption = error !== null || (recipe && itemFrom(item, recipe, {}) === null);
  const reason = noCaption ? w.noCaption : bad !== null ? w.bad(bad) : seeds.length === 0 ? w.none : null;
  const seconds = estimate?.seconds ?? null;
  const add = async () => {
    if (!recipe || isBusy) return;
    setBusy(true);
    const items = seeds.flatMap((seed) => itemFrom(item, { ...recipe, seed }, { preset }) ?? []);
    if (await addItems(client, items)) closeSeeds();
    else setBusy(false);
  };
  return (
    <Dialog
      title={w.title}
      sheet
      onClose={closeSeeds}
      data-testid="seeds"
      footer={
        <>
          <span role="status" className="me-auto self-center text-control text-text-2 tabular-nums">
            {seconds !== null && seeds.length > 0 && reason === null ? w.takes(duration(seconds * seeds.length)) : ''}
          </span>
          <Button look="ink" reason={reason} aria-busy={isBusy || undefined} onClick={() => void add()}>
            {w.add(reason === null ? seeds.length : 0)}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Segmented
          label={w.which}
          value={kind}
          onChange={setKind}
          choices={KINDS.map((value) => ({ value, label: w.kinds[value], testId: `seeds-${value}` }))}
        />
        {kind === 'list' ? (
          <TextArea
            label={w.list}
            hint={isCut ? w.cut(SEEDS_MOST) : bad === null && w.listHint}
            error={bad === null ? undefined : w.bad(bad)}
            data-testid="seeds-text"
            rows={3}
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
        ) : (
          <div className="flex gap-3">
            <NumberField label={w.count} className="w-24" min={1} max={SEEDS_MOST} step={1} value={count} onChange={setCount} data-testid="seeds-count" />
            {kind === 'following' && (
              <NumberField label={w.first} className="flex-1" min={0} max={SEED_MAX} step={1} value={first} onChange={setFirst} data-testid="seeds-first" />
            )}
          </div>
        )}
        <SelectField label={w.preset} hint={w.presetHint} value={preset} onChange={(e) => setPreset(e.target.value)}>
          {(can?.presets ?? [{ name: item.preset, label: item.preset, steps: 0 }]).map((p) => (
            <option key={p.name} value={p.name}>
              {p.steps > 0 ? t.queue.presetSteps(p.label, p.steps) : p.label}
            </option>
          ))}
        </SelectField>
      </div>
    </Dialog>
  );
}

export function SeedsDialog() {
  const item = useSeeds((s) => s.item);
  return item && <Seeds key={item.id} item={item} />;
}
