// What the model is, what it needs, what went wrong, and what can be done with it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { capabilitiesQuery, modelQuery } from '@/api/queries';
import type { ModelStatus } from '@/api/types';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { bytes, duration } from '@/lib/format';
import { Button } from '@/ui/button';
import { SelectField } from '@/ui/field';
import { loadModel, setIdle, unloadModel } from './actions';
import { Memory } from './memory';
import type { ModelState } from './panel';

const IDLE_CHOICES = [0, 1, 5, 15, 30, 60];
const START = './run.sh';

/** Counts down between two answers of the server. */
function useCountdown(seconds: number | undefined): number | undefined {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    setLeft(seconds);
    if (seconds === undefined) return;
    const timer = setInterval(() => setLeft((s) => (s === undefined ? s : Math.max(0, s - 1))), 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return left;
}

function Idle({ status }: { status: ModelStatus }) {
  const t = useT().model;
  const client = useQueryClient();
  const minutes = status.idle_unload?.minutes ?? 0;
  const left = useCountdown(status.state === 'loaded' ? status.idle_unload?.seconds_left : undefined);
  const choices = IDLE_CHOICES.includes(minutes) ? IDLE_CHOICES : [...IDLE_CHOICES, minutes].toSorted((a, b) => a - b);
  return (
    <SelectField
      label={t.idle}
      data-testid="model-idle"
      value={minutes}
      hint={left === undefined ? undefined : t.idleLeft(duration(left))}
      onChange={(e) => void setIdle(client, Number(e.target.value))}
    >
      {choices.map((m) => (
        <option key={m} value={m}>
          {m === 0 ? t.idleNever : t.idleAfter(m)}
        </option>
      ))}
    </SelectField>
  );
}

function Command({ text }: { text: string }) {
  const t = useT().ui;
  return (
    <span className="flex items-center justify-between gap-2 rounded-control bg-sunken py-1 ps-2 pe-1">
      <code className="num text-control">{text}</code>
      <Button size="small" look="quiet" onClick={() => void copyText(text)}>
        {t.copy}
      </Button>
    </span>
  );
}

function Facts({ facts }: { facts: [string, string | null | undefined][] }) {
  return (
    <dl className="flex flex-col gap-1 text-control">
      {facts.map(([name, value]) =>
        value ? (
          <div key={name} className="flex gap-3">
            <dt className="w-20 shrink-0 text-text-3">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

function Trouble({ status, state }: { status: ModelStatus | undefined; state: ModelState }) {
  const t = useT().model;
  if (state === 'unknown') {
    return (
      <div role="alert" className="flex flex-col gap-2 text-control">
        <p>{t.daemonGone}</p>
        <Command text={START} />
      </div>
    );
  }
  if (state !== 'failed') return null;
  return (
    <p role="alert" data-testid="model-error" className="border-s-2 border-bad ps-2 text-control break-words">
      <span className="font-medium text-bad">{t.loadFailed}.</span> {status?.last_error}
    </p>
  );
}

export function ModelDetails({ state }: { state: ModelState }) {
  const t = useT().model;
  const client = useQueryClient();
  const { data: status } = useQuery(modelQuery);
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const model = capabilities?.model;
  const needed = status?.memory?.needed ?? null;
  const available = status?.memory?.available ?? null;
  const isTight = state !== 'loaded' && needed !== null && available !== null && needed > available;
  return (
    <div className="flex flex-col gap-3">
      <header className="flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="text-body font-semibold">{model?.name ?? t.title}</h2>
          <p className="text-control text-text-2">{state === 'failed' ? t.states.idle : t.states[state]}</p>
        </div>
        {state === 'loaded' || state === 'loading' ? (
          <Button data-testid="model-unload" disabled={state === 'loading'} onClick={() => void unloadModel(client)}>
            {t.unload}
          </Button>
        ) : (
          <Button look="ink" data-testid="model-load" onClick={() => void loadModel(client)}>
            {state === 'failed' ? t.loadAgain : t.load}
          </Button>
        )}
      </header>
      <Trouble status={status} state={state} />
      {status?.memory && <Memory memory={status.memory} />}
      {state !== 'loaded' && needed !== null && (
        <p className={isTight ? 'text-control text-warn' : 'text-control text-text-2'}>
          {t.memoryNeeded(bytes(needed))}. {isTight && t.memoryTight}
        </p>
      )}
      {status && state !== 'unknown' && <Idle status={status} />}
      <Facts
        facts={[
          [t.precision, model?.precision],
          [t.backend, status?.backend],
          [t.path, status?.model_path || (model?.demo ? null : model?.repository)],
        ]}
      />
      {model?.demo && (
        <div data-testid="model-demo" className="flex flex-col gap-2 border-t border-line pt-3 text-control">
          <p className="font-medium">{t.demo}</p>
          <p className="text-text-2">{t.demoText}</p>
          <Command text={t.download} />
        </div>
      )}
    </div>
  );
}
