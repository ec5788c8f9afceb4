// When each waiting job will be done, from what this machine needed for such pictures before.
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { estimateQuery } from '@/api/queries';
import type { Queue } from '@/api/types';

type Seconds = number | null;

/** Seconds from now until each waiting job is done; jobs after an unknown one are unknown. */
export function finishTimes(
  waiting: { id: number; seconds: Seconds }[],
  runningLeft: Seconds,
): Map<number, number> {
  const times = new Map<number, number>();
  let sum = runningLeft;
  for (const job of waiting) {
    if (sum === null || job.seconds === null) break;
    sum += job.seconds;
    times.set(job.id, sum);
  }
  return times;
}

const kind = (j: { width: number; height: number; preset: string }) => `${j.width}x${j.height} ${j.preset}`;

export function useFinishTimes(queue: Queue, runningLeft: Seconds): Map<number, number> {
  const kinds = useMemo(
    () => [...new Map(queue.pending.map((j) => [kind(j), j])).values()].slice(0, 12),
    [queue.pending],
  );
  const estimates = useQueries({
    queries: kinds.map((j) => estimateQuery(j.width, j.height, j.preset)),
    combine: (results) => results.map((r) => r.data?.seconds ?? null),
  });
  return useMemo(() => {
    const known = new Map(kinds.map((j, i) => [kind(j), estimates[i] ?? null]));
    const waiting = queue.pending.map((j) => ({ id: j.id, seconds: known.get(kind(j)) ?? null }));
    const isStopped = queue.paused || queue.blocked !== null;
    return isStopped ? new Map<number, number>() : finishTimes(waiting, queue.running.length > 0 ? runningLeft : 0);
  }, [queue, kinds, estimates, runningLeft]);
}
