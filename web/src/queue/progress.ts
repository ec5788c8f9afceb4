// Progress that keeps its word: a bar that never falls, a rest of time that does not grow while a
// step goes on.
import { useEffect, useState } from 'react';
import type { Job } from '@/api/types';

const KEPT_MAX = 100;
const reached = new Map<string, number>();

const run = (job: Job) => `${job.id}:${job.restarts}`;

/** 0…1; null: not known yet. A job that was begun again starts anew. */
export function steadyFraction(job: Job): number | null {
  if (job.state === 'done') return 1;
  if (job.state !== 'running') return null;
  const key = run(job);
  const value = Math.max(reached.get(key) ?? 0, Math.min(1, Math.max(0, job.fraction || 0)));
  reached.set(key, value);
  if (reached.size > KEPT_MAX) {
    const oldest = reached.keys().next().value;
    if (oldest !== undefined) reached.delete(oldest);
  }
  return value;
}

export interface Rest {
  step: string; // the step it was told in
  at: number; // when, ms
  seconds: number;
}

/** What is left now: counted down since the server said it, and within a step never more than before. */
export function restNow(before: Rest | null, job: Job, now: number): Rest | null {
  if (job.state !== 'running' || job.eta === null) return null;
  const step = `${run(job)}:${job.phase ?? ''}:${job.step}`;
  if (before?.step !== step) return { step, at: now, seconds: job.eta };
  const left = Math.max(0, before.seconds - (now - before.at) / 1000);
  return job.eta < left ? { step, at: now, seconds: job.eta } : before;
}

export function secondsLeft(rest: Rest | null, now: number): number | null {
  return rest === null ? null : Math.max(0, Math.ceil(rest.seconds - (now - rest.at) / 1000));
}

/** The time, each second while it is wanted. */
export function useNow(active: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!active) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
}

/** Seconds left of a running job, going down by itself between two messages. */
export function useSecondsLeft(job: Job | undefined): number | null {
  const now = useNow(job !== undefined);
  const [rest, setRest] = useState<Rest | null>(null);
  useEffect(() => setRest((before) => (job ? restNow(before, job, Date.now()) : null)), [job]);
  return secondsLeft(rest, Math.max(now, rest?.at ?? 0));
}
