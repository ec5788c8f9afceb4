// What one can do to the queue. The page shows the result at once; when the server says no, the
// queue is as it was and a message says why.
import type { QueryClient } from '@tanstack/react-query';
import { ApiError, call } from '@/api/client';
import { knows, withJob } from '@/api/live';
import { keys } from '@/api/queries';
import type { Job, Queue } from '@/api/types';
import { setUi } from '@/app/ui-state';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { placed, withoutJobs, type Place } from './order';

let inFlight = 0;

export function because(error: unknown): string {
  return error instanceof Error && error.message ? error.message : String(error);
}

async function mutate<T>(
  client: QueryClient,
  failed: string,
  change: ((queue: Queue) => Queue) | null,
  send: () => Promise<T>,
): Promise<T | undefined> {
  inFlight++;
  let before: Queue | undefined;
  let shown: Queue | undefined;
  if (change) {
    await client.cancelQueries({ queryKey: keys.queue });
    before = client.getQueryData<Queue>(keys.queue);
    shown = client.setQueryData<Queue>(keys.queue, (queue) => queue && change(queue));
  }
  try {
    return await send();
  } catch (e) {
    if (before && client.getQueryData(keys.queue) === shown) client.setQueryData(keys.queue, before);
    sayFailed(failed, e);
    return undefined;
  } finally {
    inFlight--;
    // The truth, once nothing is on its way that would change it again: also the way back.
    if (inFlight === 0) void client.invalidateQueries({ queryKey: keys.queue });
  }
}

function sayFailed(text: string, error: unknown): void {
  const t = words().queue;
  const body = error instanceof ApiError ? (error.body as { limit?: unknown } | null) : null;
  if (error instanceof ApiError && error.code === 'queue_full') {
    toast({
      kind: 'bad',
      text: t.full(typeof body?.limit === 'number' ? body.limit : 200),
      group: 'queue-full',
      action: { label: t.openQueue, run: () => setUi({ queueOpen: true }) },
    });
  } else {
    toast({ kind: 'bad', text: `${text}: ${because(error)}`, group: text });
  }
}

const patch = (id: number, body: object) => call<Job>(`/api/queue/${id}`, { method: 'PATCH', body });

export async function moveJobs(client: QueryClient, ids: number[], place: Place): Promise<boolean> {
  const done = await mutate(
    client,
    words().queue.moveFailed,
    (q) => ({ ...q, pending: placed(q.pending, ids, place) }),
    async () => {
      let target = place;
      for (const id of ids) {
        await patch(id, target);
        target = { after: id };
      }
      return true;
    },
  );
  return done === true;
}

/** Cancels what waits or runs, removes what has finished. */
export async function dropJob(client: QueryClient, job: Job): Promise<boolean> {
  const t = words().queue;
  const isActive = job.state === 'running' || job.state === 'pending';
  const done = await mutate(
    client,
    isActive ? t.cancelFailed : t.removeFailed,
    (q) =>
      job.state === 'running'
        ? withJob(q, { ...job, cancelling: true })
        : job.state === 'pending'
          ? withJob(withoutJobs(q, [job.id]), { ...job, state: 'cancelled', position: null })
          : withoutJobs(q, [job.id]),
    () => call(`/api/queue/${job.id}`, { method: 'DELETE' }),
  );
  if (done !== undefined && job.state === 'pending') offerRestore(client, [job.id]);
  return done !== undefined;
}

/** Takes jobs that wait out of the queue; the way back is offered. */
export async function dropJobs(client: QueryClient, jobs: Job[]): Promise<void> {
  const gone: number[] = [];
  await mutate(client, words().queue.cancelFailed, (q) => withoutJobs(q, jobs.map((j) => j.id)), async () => {
    for (const job of jobs) {
      await call(`/api/queue/${job.id}`, { method: 'DELETE' });
      gone.push(job.id);
    }
  });
  offerRestore(client, gone);
}

/** Cancels what waits or runs among the jobs, removes what has ended. */
export async function dropSelected(client: QueryClient, jobs: Job[]): Promise<void> {
  const waiting = jobs.filter((j) => j.state === 'pending');
  const ended = jobs.filter((j) => j.state !== 'pending' && j.state !== 'running');
  if (waiting.length > 0) await dropJobs(client, waiting);
  for (const job of jobs) if (job.state === 'running') await dropJob(client, job);
  if (ended.length === 0) return;
  await mutate(client, words().queue.removeFailed, (q) => withoutJobs(q, ended.map((j) => j.id)), async () => {
    for (const { id } of ended) await call(`/api/queue/${id}`, { method: 'DELETE' });
  });
}

export function setPaused(client: QueryClient, paused: boolean): Promise<unknown> {
  return mutate(
    client,
    words().queue.pauseFailed,
    (q) => ({ ...q, paused }),
    () => call(`/api/queue/${paused ? 'pause' : 'resume'}`, { method: 'POST' }),
  );
}

/** Looks again at once at what blocked the queue. */
export function tryNow(client: QueryClient): Promise<unknown> {
  return mutate(client, words().queue.pauseFailed, null, () => call('/api/queue/resume', { method: 'POST' }));
}

function offerRestore(client: QueryClient, ids: number[]): void {
  const t = words();
  if (ids.length === 0) return;
  toast({
    kind: 'info',
    text: t.queue.cleared(ids.length),
    group: 'queue-cleared',
    action: {
      label: t.ui.undo,
      run: () =>
        void mutate(client, t.queue.restoreFailed, null, () => call('/api/queue/restore', { body: { ids } })),
    },
  });
}

export async function cancelScope(client: QueryClient, scope: 'current' | 'pending' | 'all'): Promise<void> {
  const stop = (q: Queue) =>
    scope === 'pending' ? q : { ...q, running: q.running.map((j) => (j.origin === 'direct' ? j : { ...j, cancelling: true })) };
  const before = client.getQueryData<Queue>(keys.queue);
  const waiting = before?.pending.map((j) => j.id) ?? [];
  const done = await mutate(
    client,
    scope === 'current' ? words().queue.cancelFailed : words().queue.clearFailed,
    (q) => (scope === 'current' ? stop(q) : stop(withoutJobs(q, q.pending.map((j) => j.id)))),
    () => call<{ cancelled: number[] }>('/api/queue/cancel', { body: { scope } }),
  );
  if (done && scope !== 'current') {
    offerRestore(client, (done.cancelled ?? waiting).filter((id) => waiting.includes(id)));
  }
}

export function clearFinished(client: QueryClient): Promise<unknown> {
  return mutate(
    client,
    words().queue.clearFailed,
    (q) => ({ ...q, finished: [] }),
    () => call('/api/queue/finished', { method: 'DELETE' }),
  );
}

export interface Again {
  seed: 'same' | 'new' | number;
  count?: number;
  until_picture?: boolean;
}

export async function retryJob(client: QueryClient, id: number, again: Again): Promise<boolean> {
  const added = await mutate(client, words().queue.retryFailed, null, () =>
    call<{ jobs: Job[] }>(`/api/queue/${id}/retry`, { body: again }),
  );
  if (!added) return false;
  tellAdded(client, added.jobs ?? []);
  return true;
}

/** Each of the jobs once more, with one word about all of them. */
export async function drawAgainAll(client: QueryClient, jobs: Job[], seed: 'same' | 'new'): Promise<void> {
  const added: Job[] = [];
  await mutate(client, words().queue.retryFailed, null, async () => {
    for (const { id } of jobs) added.push(...(await call<{ jobs: Job[] }>(`/api/queue/${id}/retry`, { body: { seed } })).jobs);
  });
  if (added.length > 0) tellAdded(client, added);
}

/** New jobs into the list and a word about them. */
export function tellAdded(client: QueryClient, jobs: Job[]): void {
  client.setQueryData<Queue>(keys.queue, (queue) => queue && jobs.filter((job) => !knows(queue, job.id)).reduce(withJob, queue));
  toast({
    kind: 'ok',
    text: words().queue.added(jobs.length),
    group: 'queue-added',
    action: { label: words().queue.openQueue, run: () => setUi({ queueOpen: true }) },
  });
}

/** Adds items; what the server says no to becomes a sentence. */
export async function addItems(client: QueryClient, items: object[], next = false): Promise<boolean> {
  const added = await mutate(client, words().queue.retryFailed, null, () =>
    call<{ jobs: Job[] }>('/api/queue', { body: { items, at: next ? 'next' : 'end' } }),
  );
  if (!added) return false;
  tellAdded(client, added.jobs ?? []);
  return true;
}

/** Changes what a waiting job will draw. */
export function changeJob(client: QueryClient, id: number, fields: object): Promise<Job | undefined> {
  return mutate(client, words().queue.saveBackFailed, null, () => patch(id, fields));
}
