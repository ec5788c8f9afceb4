// Which of its jobs and pictures the stage shows (A9). Nothing that happens in the background takes
// away what somebody chose to look at.
import type { Flag, Item, Job } from '@/api/types';

/** One picture of a document, as far as the strip needs it. */
export interface Version {
  id: number;
  seed: number;
  flag: Flag;
  createdAt: string;
  width: number;
  height: number;
}

export type Shown =
  | { kind: 'running'; job: Job }
  | { kind: 'image'; version: Version }
  | { kind: 'blocked'; version: Version; job: Job | null }
  | { kind: 'failed'; job: Job }
  | { kind: 'waiting'; job: Job }
  | { kind: 'none' };

export const versionOfItem = (item: Item): Version => ({
  id: item.id,
  seed: item.seed,
  flag: item.flag,
  createdAt: item.created_at,
  width: item.w,
  height: item.h,
});

export function versionOfJob(job: Job): Version | null {
  if (job.image_id === null) return null;
  return {
    id: job.image_id,
    seed: job.seed,
    flag: job.flag,
    createdAt: job.finished_at ?? job.created_at,
    width: job.width,
    height: job.height,
  };
}

/** Pictures of entry and jobs together, newest first, each once. */
export function mergeVersions(items: readonly Version[], jobs: readonly Job[]): Version[] {
  const known = new Set(items.map((i) => i.id));
  const more = jobs.map(versionOfJob).filter((v) => v !== null && !known.has(v.id)) as Version[];
  return [...items, ...more].sort((a, b) => b.id - a.id);
}

interface Choice {
  jobs: readonly Job[]; // of this document
  versions: readonly Version[]; // newest first
  pin: number | null;
  dismissed?: readonly number[];
}

function ofVersion(version: Version, jobs: readonly Job[]): Shown {
  if (version.flag !== 'blocked') return { kind: 'image', version };
  return { kind: 'blocked', version, job: jobs.find((j) => j.image_id === version.id) ?? null };
}

export function choose({ jobs, versions, pin, dismissed = [] }: Choice): Shown {
  const pinned = pin === null ? undefined : versions.find((v) => v.id === pin);
  if (pinned) return ofVersion(pinned, jobs);
  const running = jobs.find((j) => j.state === 'running');
  if (running) return { kind: 'running', job: running };
  const ended = jobs.filter((j) => (j.state === 'done' || j.state === 'failed') && !dismissed.includes(j.id));
  const last = ended.reduce<Job | null>((a, b) => (a === null || (b.finished_at ?? '') >= (a.finished_at ?? '') ? b : a), null);
  if (last?.state === 'failed') return { kind: 'failed', job: last };
  const newest = versions[0];
  if (last && newest?.flag === 'blocked' && last.image_id === newest.id) return ofVersion(newest, jobs);
  const picture = versions.find((v) => v.flag !== 'blocked') ?? newest;
  if (picture) return ofVersion(picture, jobs);
  const waiting = jobs.find((j) => j.state === 'pending');
  return waiting ? { kind: 'waiting', job: waiting } : { kind: 'none' };
}
