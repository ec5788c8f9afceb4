// The LoRAs of this document: which, how strong, in what order.
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { ArrowDown, ArrowUp, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { capabilitiesQuery, queueQuery } from '@/api/queries';
import { useDocument, type LoraUse } from '@/document/store';
import { useT } from '@/i18n';
import { bytes, number } from '@/lib/format';
import { Button, IconButton } from '@/ui/button';
import { TextField, inputLook } from '@/ui/field';
import { Progress } from '@/ui/progress';
import { announce } from '@/app/ui-state';
import { friendly } from './lora-names';
import {
  STRENGTH_MAX,
  STRENGTH_MIN,
  STRENGTH_STEP,
  byGroup,
  loraPresetsQuery,
  setLoras,
  setOff,
  strength,
  togglePreset,
  toggleUse,
  useOff,
  usualStrength,
  type LoraPreset,
} from './loras';

const SEARCH_FROM = 9; // chips

function StrengthField({ use, usual, onChange }: { use: LoraUse; usual: number; onChange: (value: number) => void }) {
  const t = useT().lora;
  const [typed, setTyped] = useState<string | null>(null);
  const name = friendly(use.name);
  const settle = () => {
    const value = Number((typed ?? '').replace(',', '.'));
    if (typed !== null && typed.trim() !== '' && Number.isFinite(value)) onChange(strength(value));
    setTyped(null);
  };
  return (
    <>
      <input
        type="range"
        aria-label={t.strength(name)}
        title={t.reset}
        data-testid="lora-strength"
        min={STRENGTH_MIN}
        max={STRENGTH_MAX}
        step={STRENGTH_STEP}
        value={use.strength}
        onChange={(e) => onChange(strength(Number(e.target.value)))}
        onDoubleClick={() => onChange(strength(usual))}
        className="h-6 min-w-0 flex-1 accent-[var(--accent)] pointer-coarse:h-11"
      />
      <input
        aria-label={t.strength(name)}
        data-testid="lora-strength-number"
        inputMode="decimal"
        autoComplete="off"
        value={typed ?? number(use.strength, 2)}
        onChange={(e) => setTyped(e.target.value)}
        onBlur={settle}
        onKeyDown={(e) => {
          if (e.key === 'Enter') settle();
          const by = e.key === 'ArrowUp' ? STRENGTH_STEP : e.key === 'ArrowDown' ? -STRENGTH_STEP : 0;
          if (by === 0) return;
          e.preventDefault();
          setTyped(null);
          onChange(strength(use.strength + by * (e.shiftKey ? 10 : 1)));
        }}
        className={clsx(inputLook, 'num h-7 w-13! text-end pointer-coarse:h-11')}
      />
    </>
  );
}

function Row({ use, index, count, isOn, presets }: { use: LoraUse; index: number; count: number; isOn: boolean; presets: LoraPreset[] }) {
  const t = useT().lora;
  const row = useRef<HTMLLIElement>(null);
  const name = friendly(use.name);
  const isMissing = presets.length > 0 && !presets.some((p) => p.loras.some((l) => l.name === use.name));
  const list = () => useDocument.getState().doc.settings.loras;
  const change = (value: number) => {
    if (isOn) setLoras(list().map((l) => (l.name === use.name ? { ...l, strength: value } : l)), `lora:${use.name}`);
    else setOff(useOff.getState().off.map((l) => (l.name === use.name ? { ...l, strength: value } : l)));
  };
  const move = (by: number) => {
    const loras = [...list()];
    loras.splice(index + by, 0, ...loras.splice(index, 1));
    setLoras(loras);
  };
  const remove = () => {
    const next = row.current?.nextElementSibling ?? row.current?.previousElementSibling;
    const focus = next?.querySelector<HTMLElement>('input') ?? row.current?.closest('section')?.querySelector<HTMLElement>('button');
    if (isOn) setLoras(list().filter((l) => l.name !== use.name));
    else setOff(useOff.getState().off.filter((l) => l.name !== use.name));
    focus?.focus();
    announce(t.removed(name));
  };
  return (
    <li ref={row} className="flex flex-col border-t border-line py-1 first:border-t-0">
      <div className="flex items-center gap-2">
        <label className="flex min-w-0 flex-1 items-center gap-2">
          <input
            type="checkbox"
            aria-label={t.on(name)}
            checked={isOn}
            onChange={(e) => toggleUse(use, e.target.checked)}
            className="size-4 shrink-0 accent-[var(--accent)]"
          />
          <span className={clsx('truncate text-control', !isOn && 'text-text-3')} title={use.name}>
            {name}
          </span>
        </label>
        {isMissing && <span className="shrink-0 text-caption text-warn">{t.missing}</span>}
        <span className="flex">
          {isOn && count > 1 && (
            <>
              <IconButton size="small" label={t.up(name)} disabled={index === 0} onClick={() => move(-1)}>
                <ArrowUp size={14} />
              </IconButton>
              <IconButton size="small" label={t.down(name)} disabled={index === count - 1} onClick={() => move(1)}>
                <ArrowDown size={14} />
              </IconButton>
            </>
          )}
          <IconButton size="small" label={t.remove(name)} onClick={remove}>
            <X size={14} />
          </IconButton>
        </span>
      </div>
      <div className={clsx('flex items-center gap-2 ps-6', !isOn && 'opacity-60')}>
        <StrengthField use={use} usual={usualStrength(presets, use.name)} onChange={change} />
      </div>
    </li>
  );
}

function Chips({ presets, most }: { presets: LoraPreset[]; most: number }) {
  const t = useT().lora;
  const [search, setSearch] = useState('');
  const loras = useDocument((s) => s.doc.settings.loras);
  const shown = presets.filter((p) => `${p.label} ${p.loras.map((l) => l.name).join(' ')}`.toLowerCase().includes(search.toLowerCase()));
  const groups = byGroup(shown);
  return (
    <div className="flex flex-col gap-2">
      {presets.length >= SEARCH_FROM && (
        <TextField label={t.search} hideLabel placeholder={t.search} value={search} onChange={(e) => setSearch(e.target.value)} />
      )}
      {groups.map(({ group, presets: list }) => (
        <div key={group} className="flex gap-2">
          {groups.length > 1 && (
            <span className="w-16 shrink-0 pt-1 text-caption break-words text-text-3">{t.groups[group]}</span>
          )}
          <div className="flex min-w-0 flex-1 flex-wrap gap-1">
            {list.map((p) => {
              const isOn = p.loras.every((l) => loras.some((u) => u.name === l.name));
              const isFull = !isOn && loras.length + p.loras.length > most;
              const size = p.loras.reduce((sum, l) => sum + (l.size_mb ?? 0), 0);
              return (
                <button
                  key={p.id || p.label}
                  type="button"
                  data-testid="lora-chip"
                  aria-pressed={isOn}
                  aria-disabled={isFull || undefined}
                  title={isFull ? t.tooMany(most) : p.loras.map((l) => l.name).join(' + ')}
                  onClick={() => !isFull && togglePreset(p)}
                  className={clsx(
                    'flex min-h-7 max-w-full items-baseline gap-1.5 rounded-control border px-2 py-0.5 text-control pointer-coarse:min-h-11 pointer-coarse:items-center',
                    isOn ? 'border-accent bg-accent-soft text-accent' : 'border-line text-text hover:bg-sunken',
                  )}
                >
                  <span className="truncate">{friendly(p.loras.length === 1 ? (p.loras[0]?.name ?? p.label) : p.label)}</span>
                  {size > 0 && <span className="num shrink-0 text-micro text-text-3">{bytes(size * 1e6)}</span>}
                </button>
              );
            })}
          </div>
        </div>
      ))}
    </div>
  );
}

/** While a job exchanges its LoRAs. */
export function LoraProgress() {
  const t = useT().lora;
  const { data } = useQuery(queueQuery);
  const job = data?.running?.find((j) => j.phase === 'lora');
  if (!job) return null;
  return <Progress testId="lora-progress" label={t.applying} value={null} />;
}

/** Whether there is anything to mix: what is installed, or what the document names. */
export function useLoraPresets(): { presets: LoraPreset[]; isShown: boolean } {
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const isOffered = capabilities?.features?.lora === true;
  const { data } = useQuery({ ...loraPresetsQuery, enabled: isOffered });
  const used = useDocument((s) => s.doc.settings.loras.length);
  return { presets: data ?? [], isShown: used > 0 || (isOffered && (data?.length ?? 0) > 0) };
}

export function LoraMixer() {
  const t = useT().lora;
  const { presets } = useLoraPresets();
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const most = capabilities?.limits?.loras ?? 16;
  const loras = useDocument((s) => s.doc.settings.loras);
  const off = useOff((s) => s.off).filter((l) => !loras.some((u) => u.name === l.name));
  const top = useRef<HTMLElement>(null);
  const clear = () => {
    if (loras.length > 0) setLoras([]);
    setOff([]);
    top.current?.querySelector<HTMLElement>('input, button:not([data-testid=lora-clear])')?.focus();
    announce(t.cleared);
  };
  useEffect(() => top.current?.scrollIntoView({ block: 'nearest' }), []);
  return (
    <section ref={top} aria-label={t.title} className="flex flex-col gap-2 rounded-panel bg-sunken p-2">
      {loras.length + off.length > 1 && (
        <div className="flex items-center justify-between gap-2">
          <span className="text-caption text-text-2">{t.inUse(loras.length, most)}</span>
          <Button size="small" look="quiet" data-testid="lora-clear" onClick={clear}>
            {t.clear}
          </Button>
        </div>
      )}
      {loras.length + off.length > 0 && (
        <ol className="rounded-control bg-surface px-2">
          {loras.map((use, i) => (
            <Row key={use.name} use={use} index={i} count={loras.length} isOn presets={presets} />
          ))}
          {off.map((use) => (
            <Row key={use.name} use={use} index={-1} count={0} isOn={false} presets={presets} />
          ))}
        </ol>
      )}
      {presets.length > 0 ? <Chips presets={presets} most={most} /> : <p className="text-caption text-text-2">{t.empty}</p>}
      <p className="text-caption text-text-3">{t.hint}</p>
    </section>
  );
}
