// A job that failed: its reason, and trying again.
import { useQueryClient } from '@tanstack/react-query';
import type { Job } from '@/api/types';
import type { DraftKey } from '@/document/store';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { Button } from '@/ui/button';
import { StageCard } from './card';
import { dismiss } from './jobs';
import { retry } from './retry';
import { useAct } from './use-act';

/** What a report needs; never the text of a prompt. */
function detailsOf(job: Job): string {
  return [
    `job ${job.id} (${job.origin}), ${job.state}`,
    `${job.width}x${job.height} ${job.preset} seed ${job.seed} ${job.format}`,
    `loras ${job.loras?.length ?? 'any'}, restarts ${job.restarts}`,
    `created ${job.created_at}, started ${job.started_at ?? '-'}, finished ${job.finished_at ?? '-'}`,
    `error: ${job.error ?? '-'}`,
  ].join('\n');
}

export function FailedCard({ job, docKey, isBar }: { job: Job; docKey: DraftKey; isBar: boolean }) {
  const t = useT().stage;
  const client = useQueryClient();
  const { isBusy, act } = useAct();
  return (
    <StageCard look="failed" title={t.failed} isBar={isBar} testId="failed-card">
      <p className="text-control break-words text-text-2">{job.error ?? t.failedUnknown}</p>
      <div className="flex flex-wrap gap-2">
        <Button look="ink" disabled={isBusy} onClick={() => act(() => retry(client, docKey, job.id, { seed: 'same' }))}>
          {t.retry}
        </Button>
        <Button onClick={() => dismiss(job.id)}>{t.dismiss}</Button>
      </div>
      <details className="w-full text-control">
        <summary className="py-1 font-medium text-text-2 pointer-coarse:py-3">{t.details}</summary>
        <pre className="num mt-1 text-caption whitespace-pre-wrap text-text-2">{detailsOf(job)}</pre>
        <Button size="small" className="mt-2" onClick={() => void copyText(detailsOf(job))}>
          {t.copyDetails}
        </Button>
      </details>
    </StageCard>
  );
}
