// Time of a running job between two messages of the server.
import { useEffect, useState } from 'react';
import type { Job } from '@/api/types';

export interface Clock {
  job: number;
  step: number;
  elapsed: number | null;
  eta: number | null; // seconds left; null: not known yet
}

/** The clock some seconds after the last message: within a step the time left never grows (B9). */
export function tick(before: Clock | null, job: Pick<Job, 'id' | 'step' | 'elapsed' | 'eta'>, since: number): Clock {
  const isSameStep = before?.job === job.id && before.step === job.step;
  const left = job.eta === null ? null : Math.max(0, job.eta - since);
  const eta = left !== null && isSameStep && before.eta !== null ? Math.min(before.eta, left) : left;
  return { job: job.id, step: job.step, elapsed: job.elapsed === null ? null : job.elapsed + since, eta };
}

export function useClock(job: Job): Clock {
  const [clock, setClock] = useState<Clock>(() => tick(null, job, 0));
  const { id, step, elapsed, eta } = job;
  useEffect(() => {
    const at = Date.now();
    const update = () =>
      setClock((before) => tick(before, { id, step, elapsed, eta }, Math.max(0, Date.now() - at) / 1000));
    update();
    const timer = setInterval(update, 1000);
    return () => clearInterval(timer);
  }, [id, step, elapsed, eta]);
  // Of a new step the first picture already shows its own time, not the last one's.
  return clock.job === id && clock.step === step ? clock : tick(null, job, 0);
}
