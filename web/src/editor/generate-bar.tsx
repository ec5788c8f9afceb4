// The one primary action, always in the same place, with the time that it will take.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { capabilitiesQuery, estimateQuery } from '@/api/queries';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { duration } from '@/lib/format';
import { Button } from '@/ui/button';
import { NumberField } from '@/ui/field';
import { Tip } from '@/ui/tip';
import { useEngineGone } from '@/model/reach';
import { toast } from '@/ui/toasts';
import { registerGenerate } from './actions';
import { useFieldErrors } from './field-errors';
import { LintCount } from './lint/count';
import { UndoButtons } from './undo';
import { useGenerate } from './use-generate';

const REPEAT_MAX = 16;

function useEstimate(): number | null {
  const { width, height, preset } = useDocument((s) => s.doc.settings);
  const { data } = useQuery({ ...estimateQuery(width, height, preset), placeholderData: keepPreviousData, retry: false });
  return data?.seconds ?? null;
}

interface ActProps {
  isMain?: boolean;
  isBusy?: boolean;
  hint: string;
  reason: string | null;
  testId: string;
  run: () => void;
  children: ReactNode;
}

/** A button that stays the same one, focus and all, while reasons against it come and go. */
function Act({ isMain, isBusy, hint, reason, testId, run, children }: ActProps) {
  return (
    <Tip text={reason ?? hint} keys={isMain && !reason ? 'generate' : undefined}>
      <Button
        look={isMain ? 'ink' : 'plain'}
        size={isMain ? 'large' : 'normal'}
        data-testid={testId}
        aria-disabled={reason ? true : undefined}
        aria-busy={isBusy || undefined}
        className={isMain ? 'grow' : undefined}
        onClick={reason ? undefined : run}
      >
        {children}
      </Button>
    </Tip>
  );
}

export function GenerateBar({ promptId }: { promptId: number | null }) {
  const t = useT().settings;
  const [repeat, setRepeat] = useState(1);
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const { reason, isSending, isLoaded, isBusy, run, error } = useGenerate(promptId);
  const refused = useFieldErrors((s) => s.errors);
  const seconds = useEstimate();
  const isGone = useEngineGone();
  const label = isBusy ? t.addToQueue : isLoaded ? t.generate : t.loadAndGenerate;
  const most = Math.min(REPEAT_MAX, capabilities?.limits?.batch ?? REPEAT_MAX);
  const estimate = seconds === null ? null : duration(Math.max(1, seconds * repeat)); // no picture takes 0 s
  useEffect(() => {
    if (reason) return registerGenerate(() => toast({ kind: 'info', text: reason, group: 'enqueue' }));
    return registerGenerate((wish) => void run({ ...wish, repeat }));
  }, [reason, repeat, run]);
  const message = refused.caption ?? refused[''] ?? error;
  return (
    <div className="flex flex-col gap-1 border-t border-line px-4 py-2">
      {message && (
        <p role="alert" data-testid="generate-error" className="text-caption text-bad">
          {message}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <div className="-ms-2 flex items-center gap-1">
          <UndoButtons />
          <LintCount />
        </div>
        <Tip text={t.repeat}>
          <span className="ms-auto flex items-center gap-1">
            <span aria-hidden className="text-control text-text-3">
              ×
            </span>
            <NumberField
              label={t.repeat}
              hideLabel
              className="w-10 pointer-coarse:w-11"
              min={1}
              max={most}
              step={1}
              value={Math.min(repeat, most)}
              onChange={setRepeat}
              data-testid="repeat"
            />
          </span>
        </Tip>
        {promptId !== null && (
          <Act hint={t.newEntryHint} reason={reason} testId="generate-new-entry" run={() => void run({ newEntry: true, repeat })}>
            {t.newEntry}
          </Act>
        )}
        <Act isMain hint={isGone ? t.engineGone : t.generateHint} reason={reason} isBusy={isSending} testId="generate" run={() => void run({ repeat })}>
          {label}
          {estimate && (
            <span
              data-testid="estimate"
              title={repeat > 1 && seconds !== null ? t.estimateTotal(duration(seconds), estimate) : t.estimate}
              className="num text-caption opacity-75"
            >
              {estimate}
            </span>
          )}
        </Act>
      </div>
    </div>
  );
}
