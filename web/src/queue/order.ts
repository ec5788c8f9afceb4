// The order of what waits: batches as one unit, and where a unit goes when it is moved.
import type { Job, Queue } from '@/api/types';

export interface Unit {
  key: string;
  jobs: Job[]; // one, or a folded batch
  isBatch: boolean;
}

export type Place = { before: number } | { after: number } | { at: 'next' } | { at: 'end' };

export type Row =
  | { kind: 'batch'; batch: string; jobs: Job[]; open: boolean }
  | { kind: 'job'; job: Job; inBatch: boolean };

/** Runs of jobs of one batch, in the order of the list. */
function runs(jobs: Job[]): Job[][] {
  const result: Job[][] = [];
  for (const job of jobs) {
    const last = result.at(-1);
    if (last && job.batch && last[0]?.batch === job.batch) last.push(job);
    else result.push([job]);
  }
  return result;
}

/** What moves as one: single jobs, jobs of an open batch, and folded batches. */
export function unitsOf(pending: Job[], isOpen: (batch: string) => boolean): Unit[] {
  return runs(pending).flatMap((jobs): Unit[] =>
    jobs.length > 1 && !isOpen(jobs[0]?.batch ?? '')
      ? [{ key: `b${jobs[0]?.id}`, jobs, isBatch: true }]
      : jobs.map((job) => ({ key: `j${job.id}`, jobs: [job], isBatch: false })),
  );
}

/** Lines of the list: a heading before each batch, its jobs when it is open. */
export function rowsOf(jobs: Job[], isOpen: (batch: string) => boolean): Row[] {
  return runs(jobs).flatMap((run): Row[] => {
    const batch = run[0]?.batch ?? '';
    if (run.length === 1) return run.map((job) => ({ kind: 'job', job, inBatch: false }));
    const open = isOpen(batch);
    const heading: Row = { kind: 'batch', batch, jobs: run, open };
    return open ? [heading, ...run.map((job): Row => ({ kind: 'job', job, inBatch: true }))] : [heading];
  });
}

export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const copy = [...list];
  const taken = copy.splice(from, 1);
  copy.splice(to, 0, ...taken);
  return copy;
}

/** Where the unit at `from` must be put so that it stands at `to`; null: it stays. */
export function placeOf(units: Unit[], from: number, to: number): Place | null {
  if (from === to || !units[from] || !units[to]) return null;
  const rest = units.filter((_, i) => i !== from);
  const next = rest[to]?.jobs[0];
  if (to === 0) return { at: 'next' };
  if (next) return { before: next.id };
  const last = rest.at(-1)?.jobs.at(-1);
  return last ? { after: last.id } : null;
}

/** The pending jobs as they will stand. */
export function placed(pending: Job[], ids: number[], place: Place): Job[] {
  const taken = ids.flatMap((id) => pending.filter((j) => j.id === id));
  const rest = pending.filter((j) => !ids.includes(j.id));
  const at =
    'at' in place
      ? place.at === 'next'
        ? 0
        : rest.length
      : 'before' in place
        ? rest.findIndex((j) => j.id === place.before)
        : rest.findIndex((j) => j.id === place.after) + 1;
  const index = at < 0 ? rest.length : at;
  return [...rest.slice(0, index), ...taken, ...rest.slice(index)].map((job, position) => ({ ...job, position }));
}

export function withoutJobs(queue: Queue, ids: number[]): Queue {
  const keep = (job: Job) => !ids.includes(job.id);
  return {
    ...queue,
    running: queue.running.filter(keep),
    pending: queue.pending.filter(keep).map((job, position) => ({ ...job, position })),
    finished: queue.finished.filter(keep),
  };
}
