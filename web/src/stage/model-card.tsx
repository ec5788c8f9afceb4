// The model on the stage: ready or not in one line; while it loads its steps; when it cannot, why.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import clsx from 'clsx';
import { Check } from 'lucide-react';
import { call } from '@/api/client';
import { capabilitiesQuery, keys, modelQuery } from '@/api/queries';
import { useT } from '@/i18n';
import { bytes, duration } from '@/lib/format';
import { useEngineGone } from '@/model/reach';
import { Button } from '@/ui/button';
import { Progress } from '@/ui/progress';
import { StageCard } from './card';
import { useAct } from './use-act';

export function ModelLine() {
  const t = useT().stage;
  const client = useQueryClient();
  const { data: model, isPending } = useQuery(modelQuery);
  const { data: can } = useQuery(capabilitiesQuery);
  const { isBusy, act } = useAct();
  const state = useEngineGone() ? undefined : model?.state;
  const text =
    state === 'loaded' ? t.modelReady : state === 'loading' ? t.modelLoading : state === 'idle' ? t.modelIdle : isPending ? t.loading : t.modelUnknown;
  const load = async () => {
    await call('/api/model/load', { method: 'POST', body: {} });
    await client.invalidateQueries({ queryKey: keys.model });
  };
  return (
    <div className="flex flex-wrap items-center justify-center gap-x-3 gap-y-1 text-caption text-text-2">
      <span className="flex items-center gap-1.5">
        <span
          aria-hidden
          className={clsx('size-2 rounded-full border border-line-strong', state === 'loaded' && 'bg-ok', state === 'loading' && 'bg-warn')}
        />
        {text}
      </span>
      {state === 'idle' && (
        <Button size="small" look="quiet" disabled={isBusy} onClick={() => act(load)}>
          {t.modelLoad}
        </Button>
      )}
      {can?.model?.demo && <span className="basis-full text-center text-text-3">{t.modelDemo}</span>}
    </div>
  );
}

/** Steps of loading, as far as memory tells where it is. */
export function LoadingCard({ elapsed, isBar }: { elapsed: number | null; isBar: boolean }) {
  const t = useT().stage;
  const { data: model } = useQuery(modelQuery);
  const active = model?.memory?.active ?? null;
  const needed = model?.memory?.needed ?? null;
  const share = active !== null && needed ? Math.min(1, active / needed) : null;
  const at = share === null ? 1 : share < 0.98 ? 1 : 2;
  const steps = [t.modelSteps.find, t.modelSteps.map, t.modelSteps.warm];
  return (
    <StageCard look="plain" title={t.modelLoading} isBar={isBar} testId="loading-card">
      <ol className="flex w-full flex-col gap-1.5 text-control">
        {steps.map((name, i) => (
          <li key={name} className={clsx('flex items-center gap-2', i > at && 'text-text-3')}>
            <span aria-hidden className="flex w-4 justify-center">
              {i < at ? <Check size={14} /> : <span className={clsx('size-1.5 rounded-full', i === at ? 'bg-accent' : 'bg-line-strong')} />}
            </span>
            <span className="flex-1">{name}</span>
            {i === 1 && active !== null && needed && (
              <span className="num text-caption text-text-2">{`${bytes(active)} / ${bytes(needed)}`}</span>
            )}
          </li>
        ))}
      </ol>
      <Progress label={t.modelLoading} value={share} className="w-full" />
      <p className="num text-caption text-text-2">
        {[model?.msg, elapsed === null ? '' : t.elapsed(duration(elapsed))].filter(Boolean).join(' · ')}
      </p>
    </StageCard>
  );
}

export function ModelFailedCard({ why, isBar }: { why: string; isBar: boolean }) {
  const t = useT();
  const client = useQueryClient();
  const { data: model } = useQuery(modelQuery);
  const { isBusy, act } = useAct();
  const { needed = null, available = null } = model?.memory ?? {};
  const again = async () => {
    await call('/api/queue/resume', { method: 'POST', body: {} });
    await client.invalidateQueries({ queryKey: keys.queue });
  };
  return (
    <StageCard look="failed" title={t.stage.modelFailed} isBar={isBar} testId="model-failed-card">
      <p className="text-control break-words text-text-2">{model?.last_error ?? why}</p>
      {needed !== null && available !== null && (
        <p className="text-control text-text-2">{t.stage.needed(bytes(needed), bytes(available))}</p>
      )}
      <p className="text-control text-text-2">{t.stage.modelFailedNote}</p>
      <Button look="ink" disabled={isBusy} onClick={() => act(again)}>
        {t.stage.retry}
      </Button>
    </StageCard>
  );
}
