// Which finished jobs a person has been told of, in this browser: what is not among them finished
// while the page was closed or hidden.
import * as v from 'valibot';
import type { Job } from '@/api/types';
import { load, save } from '@/lib/storage';

const KEPT_MAX = 200;
const Seen = v.array(v.number());

/** Finished pictures nobody was told of, newest first; none on the very first visit. */
export function awaySince(finished: Job[]): Job[] {
  const seen = load('queue-seen', Seen);
  if (!seen) return [];
  return missedOf(finished, seen);
}

export function missedOf(finished: Job[], seen: number[]): Job[] {
  const told = new Set(seen);
  return finished.filter((job) => job.state === 'done' && !told.has(job.id));
}

export function markSeen(ids: number[]): void {
  const seen = load('queue-seen', Seen) ?? [];
  save('queue-seen', [...new Set([...seen, ...ids])].slice(-KEPT_MAX));
}
