// The model's refusal, recognised (B4): what it is, other seeds, what to change, or "no, it is one".
import { useQueryClient } from '@tanstack/react-query';
import { call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Item, Job } from '@/api/types';
import type { DraftKey } from '@/document/store';
import { enqueue } from '@/editor/generate';
import { useT } from '@/i18n';
import { announce } from '@/app/ui-state';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toasts';
import { StageCard } from './card';
import { retry } from './retry';
import type { Version } from './shown';
import { useAct } from './use-act';

const TRIES = 3;

interface Props {
  version: Version;
  job: Job | null; // null: long gone from the queue
  docKey: DraftKey;
  promptId: number | null;
  isBar: boolean;
}

export function BlockedCard({ version, job, docKey, promptId, isBar }: Props) {
  const t = useT().stage;
  const client = useQueryClient();
  const { isBusy, act } = useAct();
  const tryOthers = async () => {
    const jobs = job
      ? await retry(client, docKey, job.id, { seed: 'new', count: TRIES, until_picture: true })
      : await enqueue(client, { promptId, newSeed: true });
    announce(t.trying(jobs.length));
    toast({ kind: 'info', text: t.trying(jobs.length), group: 'stage' });
  };
  const isReal = async () => {
    const item = await call<Item>(`/api/library/${version.id}`, { method: 'PATCH', body: { flag: 'real' } });
    client.setQueryData(['item', version.id], item);
    await Promise.all([
      client.invalidateQueries({ queryKey: keys.library }),
      client.invalidateQueries({ queryKey: keys.queue }),
      client.invalidateQueries({ queryKey: keys.entries }),
      ...(job ? [client.invalidateQueries({ queryKey: keys.job(job.id) })] : []),
    ]);
    announce(t.realDone);
  };
  return (
    <StageCard look="blocked" title={t.blocked} isBar={isBar} testId="blocked-card">
      <p className="text-control text-text-2">{t.blockedText}</p>
      <div className="flex flex-wrap gap-2">
        <Button look="ink" disabled={isBusy} onClick={() => act(tryOthers)}>
          {t.tryOthers}
        </Button>
        <Button disabled={isBusy} onClick={() => act(isReal)}>
          {t.isReal}
        </Button>
      </div>
      <details className="w-full text-control">
        <summary className="py-1 font-medium text-text-2 pointer-coarse:py-3">{t.whatToChange}</summary>
        <ul className="mt-1 list-disc space-y-1 ps-5 text-text-2">
          {t.advice.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </details>
    </StageCard>
  );
}
