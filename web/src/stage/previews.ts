// Steps of which a running job has a preview, as far as this page saw them come: not every step has
// one, and asking for one that is not there is an error.
import { useEffect } from 'react';
import { create } from 'zustand';
import type { Job } from '@/api/types';

const usePreviews = create<{ job: number; steps: number[] }>()(() => ({ job: -1, steps: [] }));
const NONE: number[] = [];

export function useSeenSteps(job: Job | null): readonly number[] {
  const id = job?.id ?? -1;
  const step = job?.preview_step ?? null;
  useEffect(() => {
    if (id < 0 || step === null) return;
    usePreviews.setState((s) => {
      const steps = s.job === id ? s.steps : [];
      return steps.includes(step) ? s : { job: id, steps: [...steps, step].sort((a, b) => a - b) };
    });
  }, [id, step]);
  return usePreviews((s) => (s.job === id ? s.steps : NONE));
}

/** Of the steps seen, the one nearest to the wanted one. */
export function nearestStep(seen: readonly number[], wanted: number): number | null {
  return seen.reduce<number | null>(
    (best, s) => (best === null || Math.abs(s - wanted) <= Math.abs(best - wanted) ? s : best),
    null,
  );
}
