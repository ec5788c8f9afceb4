// A job once more, or with other seeds; its copies belong to the same document's stage.
import type { QueryClient } from '@tanstack/react-query';
import { call } from '@/api/client';
import { knows, withJob } from '@/api/live';
import { keys } from '@/api/queries';
import type { Job, Queue } from '@/api/types';
import type { DraftKey } from '@/document/store';
import { noteJobs } from './jobs';

interface How {
  seed: 'same' | 'new';
  count?: number;
  until_picture?: boolean;
}

export async function retry(client: QueryClient, key: DraftKey, jobId: number, how: How): Promise<Job[]> {
  const { jobs } = await call<{ jobs: Job[] }>(`/api/queue/${jobId}/retry`, { body: how });
  noteJobs(key, jobs);
  client.setQueryData<Queue>(keys.queue, (queue) => queue && jobs.filter((job) => !knows(queue, job.id)).reduce(withJob, queue));
  void client.invalidateQueries({ queryKey: keys.queue });
  return jobs;
}
