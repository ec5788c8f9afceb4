// A running job: its preview on the picture's place, and below it the step ruler, time and Stop.
import { useRef } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Square } from 'lucide-react';
import { call } from '@/api/client';
import { withJob } from '@/api/live';
import { keys, previewUrl } from '@/api/queries';
import type { Job, Queue } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { useCaption } from '@/document/store';
import { useT } from '@/i18n';
import { useKeepFocus } from '@/lib/use-keep-focus';
import { duration } from '@/lib/format';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toasts';
import { useClock } from './clock';
import { useSeenSteps } from './previews';
import { StepRuler } from './step-ruler';
import { useLoaded } from './use-loaded';
import { Wireframe } from './wireframe';

/** Preview of the newest step, or of an earlier one that is looked at. */
export function Preview({ job, at }: { job: Job; at: number | null }) {
  const t = useT().stage;
  const { elements } = useCaption();
  const wanted = usePrefs((s) => s.preview);
  const step = at ?? job.preview_step;
  const loaded = useLoaded(wanted && step !== null ? { url: previewUrl(job, step), step, job: job.id } : null);
  if (loaded?.job !== job.id) return <Wireframe elements={job.phase === 'load' ? [] : elements} label={job.phase === 'load' ? '' : `${job.width} × ${job.height}`} />;
  return (
    <img
      data-testid="preview"
      data-step={loaded.step}
      src={loaded.url}
      alt={t.preview(loaded.step, job.steps)}
      draggable={false}
      className="absolute inset-0 size-full select-none"
    />
  );
}

function useStop(): (job: Job) => void {
  const client = useQueryClient();
  const t = useT().stage;
  return (job) => {
    const put = (cancelling: boolean) =>
      client.setQueryData<Queue>(keys.queue, (queue) => {
        const now = queue?.running.find((j) => j.id === job.id);
        return queue && now ? withJob(queue, { ...now, cancelling }) : queue;
      });
    put(true);
    call(`/api/queue/${job.id}`, { method: 'DELETE' }).catch((e: unknown) => {
      put(false);
      toast({ kind: 'bad', text: t.stopFailed(e instanceof Error ? e.message : String(e)), group: 'stop' });
      void client.invalidateQueries({ queryKey: keys.queue });
    });
  };
}

interface BarProps {
  job: Job;
  at: number | null;
  onLook: (step: number | null) => void;
}

export function RunningBar({ job, at, onLook }: BarProps) {
  const t = useT().stage;
  const bar = useRef<HTMLDivElement>(null);
  useKeepFocus(bar, '[data-stage]');
  const stop = useStop();
  const seen = useSeenSteps(job);
  const { elapsed, eta } = useClock(job);
  const phase = job.phase === null ? t.running : t.phases[job.phase];
  return (
    <div ref={bar} className="flex min-h-14 flex-wrap items-center gap-x-4 gap-y-1 border-t border-line bg-surface px-4 py-2">
      <StepRuler job={job} seen={seen} at={at} onLook={onLook} />
      <div className="flex items-center justify-between gap-3 max-tablet:w-full">
        <p className="text-caption text-text-2">
          {job.phase === 'denoise' && job.steps > 0 ? '' : `${phase} · `}
          <span className="num">
            {elapsed === null ? '' : `${duration(elapsed)} · `}
            <span data-testid="time-left" data-seconds={eta ?? undefined}>
              {eta === null ? t.estimating : t.left(duration(eta))}
            </span>
          </span>
        </p>
        <Button
          data-testid="stop"
          icon={<Square size={12} aria-hidden />}
          aria-disabled={job.cancelling || undefined}
          onClick={() => job.cancelling || stop(job)}
        >
          {job.cancelling ? t.stopping : t.stop}
        </Button>
      </div>
      {job.restarts > 0 && <p className="basis-full text-caption text-text-3">{t.restarted}</p>}
    </div>
  );
}
