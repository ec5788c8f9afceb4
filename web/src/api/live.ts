// Events into the cache: the queue is patched job by job, lists are fetched again when they changed.
import type { QueryClient } from '@tanstack/react-query';
import { listen } from './events';
import { keys } from './queries';
import type { Job, Queue } from './types';

const FINISHED_SHOWN = 50;

/** Whether any list of the queue has the job. */
export const knows = (queue: Queue, id: number): boolean =>
  [queue.running, queue.pending, queue.finished].some((list) => list.some((job) => job.id === id));

/** The queue with a job as it is now, in the list where it belongs. */
export function withJob(queue: Queue, job: Job): Queue {
  const not = (list: Job[]) => list.filter((j) => j.id !== job.id);
  const put = (list: Job[]) =>
    list.some((j) => j.id === job.id) ? list.map((j) => (j.id === job.id ? job : j)) : [...list, job];
  const running = job.state === 'running' ? put(queue.running) : not(queue.running);
  const pending = job.state === 'pending' ? put(queue.pending) : not(queue.pending);
  const isFinished = job.state !== 'running' && job.state !== 'pending';
  const wasFinished = queue.finished.some((j) => j.id === job.id);
  const finished = !isFinished
    ? not(queue.finished)
    : wasFinished
      ? put(queue.finished)
      : [job, ...queue.finished].slice(0, FINISHED_SHOWN);
  return { ...queue, running, pending, finished };
}

/** The queue in the order that the server says; null when it names jobs that are not known here. */
export function inOrder(
  queue: Queue,
  event: { revision: number; paused: boolean; blocked: unknown; running: number[]; pending: number[] },
): Queue | null {
  const known = new Map([...queue.running, ...queue.pending, ...queue.finished].map((j) => [j.id, j]));
  const pick = (ids: number[]) => ids.map((id) => known.get(id));
  const running = pick(event.running);
  const pending = pick(event.pending);
  if ([...running, ...pending].some((j) => j === undefined)) return null;
  return {
    ...queue,
    revision: event.revision,
    paused: event.paused,
    blocked: event.blocked as Queue['blocked'],
    running: running as Job[],
    pending: (pending as Job[]).map((j, position) => ({ ...j, position })),
  };
}

export interface LiveHooks {
  onJob(job: Job, before: Job | undefined): void;
  onLive(on: boolean): void;
}

export function follow(client: QueryClient, hooks: LiveHooks): () => void {
  const refetch = (key: readonly unknown[]) => void client.invalidateQueries({ queryKey: key });
  return listen((kind, data) => {
    const queue = client.getQueryData<Queue>(keys.queue);
    switch (kind) {
      case 'job': {
        const job = data as Job;
        const before = queue && [...queue.running, ...queue.pending, ...queue.finished].find((j) => j.id === job.id);
        // An event that was on its way does not take back what was asked meanwhile.
        const asked = before?.cancelling === true && job.state === 'running';
        if (queue) client.setQueryData(keys.queue, withJob(queue, asked ? { ...job, cancelling: true } : job));
        hooks.onJob(job, before);
        break;
      }
      case 'queue': {
        const ordered = queue && inOrder(queue, data as Parameters<typeof inOrder>[1]);
        if (ordered) client.setQueryData(keys.queue, ordered);
        else refetch(keys.queue);
        break;
      }
      case 'image':
        refetch(keys.library);
        refetch(keys.entries);
        refetch(keys.trash);
        refetch(['item']);
        refetch(['entry']);
        break;
      case 'model':
        client.setQueryData(keys.model, data);
        refetch(keys.capabilities);
        break;
      case 'lora':
        client.setQueryData(keys.lora, data);
        break;
      case 'resync':
        void client.invalidateQueries();
        break;
      case 'live':
        hooks.onLive((data as { on: boolean }).on);
        if ((data as { on: boolean }).on) refetch(keys.queue);
        break;
      default:
        break;
    }
  });
}
