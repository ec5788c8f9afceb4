// The seed: empty is random, a lock keeps it, dice roll one.
import clsx from 'clsx';
import { Dices, Lock, LockOpen } from 'lucide-react';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { randomSeed } from '@/lib/ids';
import { IconButton } from '@/ui/button';
import { Field, inputLook } from '@/ui/field';
import { clearFieldErrors, useFieldErrors } from '../field-errors';
import { seedOf } from '../generate';
import { unmark, useIsUsed } from './seed';

export function SeedField() {
  const t = useT().settings;
  const key = useDocument((s) => s.key);
  const { seed, seedLocked } = useDocument((s) => s.doc.settings);
  const refused = useFieldErrors((s) => s.errors.seed);
  const isUsed = useIsUsed(key, seed);
  const isBad = seedOf(seed) === null;
  const set = (value: string) => {
    unmark(key);
    clearFieldErrors('seed');
    useDocument.getState().setSettings('seed', { seed: value }, 'seed');
  };
  const state = seedLocked ? t.seedKept : seed.trim() === '' || isUsed ? t.seedEach : t.seedOnce;
  return (
    <Field
      label={t.seed}
      error={isBad ? t.seedBad : refused}
      aside={!isBad && <span className="truncate text-micro text-text-3">{state}</span>}
    >
      {({ id, describedBy, invalid }) => (
        <div className="relative">
          <input
            id={id}
            data-testid="seed"
            inputMode="numeric"
            autoComplete="off"
            spellCheck={false}
            placeholder={t.seedHint}
            aria-describedby={describedBy}
            aria-invalid={invalid}
            value={seed}
            onChange={(e) => set(e.target.value)}
            className={clsx(inputLook, 'num h-8 pe-14! pointer-coarse:h-11 pointer-coarse:pe-22!')}
          />
          <span className="absolute inset-y-0 end-0.5 flex items-center">
            <IconButton
              size="small"
              className="h-7"
              label={t.lockSeed}
              data-testid="seed-lock"
              pressed={seedLocked}
              onClick={() => useDocument.getState().setSettings('seed', { seedLocked: !seedLocked })}
            >
              {seedLocked ? <Lock size={14} /> : <LockOpen size={14} />}
            </IconButton>
            <IconButton
              size="small"
              className="h-7"
              label={t.dice}
              data-testid="dice"
              onClick={() => set(String(randomSeed()))}
            >
              <Dices size={14} />
            </IconButton>
          </span>
        </div>
      )}
    </Field>
  );
}
