// Colours that go with one of the palette, to be added one by one or together.
import clsx from 'clsx';
import { Check, Plus } from 'lucide-react';
import { useState } from 'react';
import { announce } from '@/app/ui-state';
import { isExact } from '@/document/colours';
import { Button } from '@/ui/button';
import { ColourInput } from './colour-input';
import { contrast } from './contrast';
import { HARMONIES, harmony, type Harmony } from './harmony';
import { usePaletteWords } from './words';

const FIRST = '#2F5D8A'; // where no colour is to begin with

const inkOn = (colour: string) => (contrast(colour, '#FFFFFF') > 4.5 ? '#FFFFFF' : '#000000');

function Start({ colours, base, onBase }: { colours: string[]; base: string; onBase: (colour: string) => void }) {
  const t = usePaletteWords();
  const isOwn = !colours.includes(base);
  const look = 'size-7 forced-color-adjust-none rounded-control border border-line-strong pointer-coarse:size-11';
  const chosen = 'outline-2 outline-offset-2 outline-accent';
  return (
    <fieldset>
      <legend className="mb-1.5 text-caption font-medium text-text-2">{t.start}</legend>
      <div className="flex flex-wrap gap-2">
        {colours.map((colour) => (
          <label key={colour} className="relative flex" title={colour}>
            <input
              type="radio"
              name="harmony-start"
              aria-label={colour}
              checked={colour === base}
              onChange={() => onBase(colour)}
              className="peer absolute inset-0 cursor-pointer opacity-0"
            />
            <span
              aria-hidden
              className={clsx('flex items-center justify-center peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent', look, colour === base && chosen)}
              style={{ background: colour, color: inkOn(colour) }}
            >
              {colour === base && <Check size={14} />}
            </span>
          </label>
        ))}
        <span className="relative flex">
          <ColourInput label={t.startOwn} value={base} onPick={onBase} className="peer absolute inset-0 size-full cursor-pointer opacity-0" />
          <span
            aria-hidden
            className={clsx('flex items-center justify-center peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent', look, isOwn ? chosen : 'border-dashed text-text-2')}
            style={isOwn ? { background: base, color: inkOn(base) } : undefined}
          >
            {isOwn ? <Check size={14} /> : <Plus size={14} />}
          </span>
        </span>
      </div>
    </fieldset>
  );
}

export interface HarmoniesProps {
  colours: string[];
  most: number;
  onAdd: (colours: string[]) => void;
}

export function Harmonies({ colours, most, onAdd }: HarmoniesProps) {
  const t = usePaletteWords();
  const exact = [...new Set(colours.filter(isExact))];
  const [picked, setPicked] = useState<string | null>(null);
  const base = picked ?? exact[0] ?? FIRST;
  const isFull = colours.length >= most;
  const add = (wanted: string[]) => {
    const fresh = wanted.filter((c) => !colours.includes(c)).slice(0, most - colours.length);
    if (fresh.length === 0) return;
    // The one that was begun with stays the one: what is added must not take its place.
    setPicked(base);
    onAdd(fresh);
    announce(t.added(fresh.length));
  };
  const row = (kind: Harmony) => {
    const list = harmony(kind, base);
    const left = list.filter((c) => !colours.includes(c));
    if (list.length < 2) return null;
    return (
      <li key={kind} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
        <span className="w-32 text-control max-tablet:w-full pointer-coarse:w-full">{t.harmonies[kind]}</span>
        <span className="grid min-w-0 flex-1 grid-cols-5 gap-1.5">
          {list.map((colour) => {
            const isIn = colours.includes(colour);
            const label = isIn ? t.isIn(colour) : isFull ? `${colour}: ${t.full(most)}` : t.add(colour);
            return (
              <button
                key={colour}
                type="button"
                data-testid="harmony-colour"
                aria-label={label}
                title={label}
                aria-disabled={isIn || isFull || undefined}
                onClick={() => add([colour])}
                className="flex h-8 forced-color-adjust-none items-center justify-center rounded-control border border-line-strong pointer-coarse:h-11"
                style={{ background: colour, color: inkOn(colour) }}
              >
                {isIn && <Check size={14} aria-hidden />}
              </button>
            );
          })}
        </span>
        <Button
          size="small"
          look="quiet"
          aria-label={t.addAllOf(t.harmonies[kind])}
          reason={isFull ? t.full(most) : null}
          disabled={left.length === 0}
          onClick={() => add(list)}
        >
          {t.addAll}
        </Button>
      </li>
    );
  };
  return (
    <div className="flex flex-col gap-3">
      <Start colours={exact} base={base} onBase={setPicked} />
      {harmony('complement', base).length < 2 && <p className="text-caption text-text-3">{t.grey}</p>}
      <ul className="divide-y divide-line border-y border-line">{HARMONIES.map(row)}</ul>
      {isFull && <p className="text-caption text-text-2">{t.full(most)}</p>}
    </div>
  );
}
