// The jobs and versions of the document on this page, and what of them is shown.
import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { jobQuery, queueQuery, versionsQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import type { DraftKey } from '@/document/store';
import { useStageJobs } from './jobs';
import { choose, mergeVersions, versionOfItem, type Shown, type Version } from './shown';

const NONE: number[] = [];

/** Jobs of the ids that the queue does not list any more are asked for one by one. */
function useJobs(ids: readonly number[], promptId: number | null): Job[] {
  const { data: queue } = useQuery(queueQuery);
  const listed = useMemo(() => (queue ? [...queue.running, ...queue.pending, ...queue.finished] : []), [queue]);
  const missing = queue ? ids.filter((id) => !listed.some((j) => j.id === id)) : NONE;
  const asked = useQueries({
    queries: missing.map((id) => ({ ...jobQuery(id), retry: false })),
    combine: (results) => results.map((r) => r.data).filter((job) => job !== undefined),
  });
  return useMemo(() => {
    const mine = listed.filter((j) => ids.includes(j.id) || (promptId !== null && j.prompt_id === promptId));
    return [...mine, ...asked];
  }, [asked, ids, listed, promptId]);
}

export interface OnStage {
  key: DraftKey;
  shown: Shown;
  jobs: Job[];
  versions: Version[];
  pin: number | null;
}

export function useShown(promptId: number | null): OnStage {
  const key = promptId === null ? 'new' : String(promptId);
  const ids = useStageJobs((s) => s.ids[key]) ?? NONE;
  const pin = useStageJobs((s) => s.pins[key]) ?? null;
  const dismissed = useStageJobs((s) => s.dismissed);
  const jobs = useJobs(ids, promptId);
  const { data } = useQuery({ ...versionsQuery(promptId ?? 0), enabled: promptId !== null });
  return useMemo(() => {
    const items = promptId === null ? [] : (data?.items ?? []).map(versionOfItem);
    // A picture that the entry no longer has was deleted, whatever the job says.
    const versions = mergeVersions(items, promptId === null ? jobs : jobs.filter((j) => !data && j.image_id !== null));
    return { key, shown: choose({ jobs, versions, pin, dismissed }), jobs, versions, pin };
  }, [data, dismissed, jobs, key, pin, promptId]);
}
