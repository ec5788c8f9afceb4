// The state of a job: a shape and a word, so that colour is never alone.
import clsx from 'clsx';
import { Ban, Check, Circle, CircleDot, CirclePause, ShieldAlert, TriangleAlert } from 'lucide-react';
import type { Job } from '@/api/types';

function look(job: Job): { icon: typeof Circle; color: string } {
  if (job.state === 'running') return job.cancelling ? { icon: CirclePause, color: 'text-warn' } : { icon: CircleDot, color: 'text-accent' };
  if (job.state === 'pending') return { icon: Circle, color: 'text-text-2' };
  if (job.state === 'failed') return { icon: TriangleAlert, color: 'text-bad' };
  if (job.state === 'cancelled') return { icon: Ban, color: 'text-text-3' };
  return job.flag === 'blocked' ? { icon: ShieldAlert, color: 'text-warn' } : { icon: Check, color: 'text-ok' };
}

export function StateMark({ job, word, className }: { job: Job; word: string; className?: string }) {
  const { icon: Icon, color } = look(job);
  return (
    <span className={clsx('inline-flex min-w-0 items-center gap-1 whitespace-nowrap', color, className)}>
      <Icon size={13} aria-hidden className="shrink-0" />
      <span className="truncate">{word}</span>
    </span>
  );
}
