// What is said when a job changes: toasts, the live region, notifications. Never a navigation and
// never a touch of the document (D1). Jobs come here from events and from the list of the queue,
// whichever knows first; each change is told once.
import type { QueryClient } from '@tanstack/react-query';
import type { Job, Queue } from '@/api/types';
import { announce, setUi } from '@/app/ui-state';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { retryJob } from './actions';
import { awaySince, markSeen } from './away';
import { noteFresh } from './fresh';
import { jobLabel } from './labels';
import { notify } from './notify';

interface Known {
  state: Job['state'];
  quarter: number;
}

export type Goal = { prompt: number | null; image: number | null } | 'library';

const KNOWN_MAX = 500;
const GROUP_MS = 12_000;

const known = new Map<number, Known>();
let isSeeded = false;
let goTo: (goal: Goal) => void = () => {};

/** How "view" gets to a page; it is pressed by a person or not at all. */
export function setGoTo(go: (goal: Goal) => void): void {
  goTo = go;
}

/** Counts what happens in quick succession, so that it can be one message. */
function counter() {
  let count = 0;
  let last = 0;
  return () => {
    const now = Date.now();
    count = now - last < GROUP_MS ? count + 1 : 1;
    last = now;
    return count;
  };
}
const countSaved = counter();
const countBlocked = counter();
const countFailed = counter();

function tellDone(job: Job): void {
  const t = words().queue;
  const isBlocked = job.flag === 'blocked';
  const count = isBlocked ? countBlocked() : countSaved();
  const goal: Goal = count > 1 ? 'library' : { prompt: job.prompt_id, image: job.image_id };
  toast({
    kind: isBlocked ? 'info' : 'ok',
    text: isBlocked ? t.savedBlocked(count) : t.saved(count),
    group: isBlocked ? 'queue-blocked' : 'queue-saved',
    action: { label: t.view, run: () => goTo(goal) },
  });
}

function tellFailed(client: QueryClient, job: Job, label: string): void {
  const t = words();
  const count = countFailed();
  toast({
    kind: 'bad',
    text: count > 1 ? t.queue.failedMany(count) : t.queue.failed(label, job.error ?? t.queue.noReason),
    group: 'queue-failed',
    action:
      count > 1
        ? { label: t.queue.openQueue, run: () => setUi({ queueOpen: true }) }
        : { label: t.ui.retry, run: () => void retryJob(client, job.id, { seed: 'same' }) },
  });
}

function tellEnd(client: QueryClient, job: Job, before: Known | undefined): void {
  const t = words().queue;
  const label = jobLabel(job, t.untitled);
  const isOurs = job.origin !== 'direct';
  if (job.state === 'done') {
    noteFresh(job);
    if (before?.state === 'running') announce(t.say.finished(label));
    if (!document.hidden) {
      tellDone(job);
      markSeen([job.id]);
    }
    if (isOurs) notify(job.id, t.notifyDone, label);
  } else if (job.state === 'failed') {
    announce(t.say.failed(label));
    tellFailed(client, job, label);
    if (isOurs) notify(job.id, t.notifyFailed, label);
  }
}

function tellProgress(job: Job, before: Known | undefined): number {
  const t = words().queue;
  const quarter = Math.max(before?.quarter ?? 0, Math.min(3, Math.floor((job.fraction || 0) * 4)));
  if (before?.state !== 'running') announce(t.say.started(jobLabel(job, t.untitled)));
  else if (quarter > before.quarter) announce(t.say.quarter(quarter * 25, jobLabel(job, t.untitled)));
  return quarter;
}

function note(client: QueryClient, job: Job): void {
  const before = known.get(job.id);
  const isEnd = job.state !== 'pending' && job.state !== 'running';
  let quarter = before?.quarter ?? 0;
  if (isSeeded) {
    // An end is told when the job was seen before it, or came after the first look.
    if (isEnd && before?.state !== job.state && !(before && isOver(before.state))) tellEnd(client, job, before);
    else if (job.state === 'running' && !(before && isOver(before.state))) quarter = tellProgress(job, before);
  } else if (job.state === 'running') {
    quarter = Math.min(3, Math.floor((job.fraction || 0) * 4));
  }
  known.delete(job.id);
  known.set(job.id, { state: job.state, quarter });
  if (known.size > KNOWN_MAX) {
    const oldest = known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
  }
}

const isOver = (state: Job['state']) => state !== 'pending' && state !== 'running';

export function onJobChange(client: QueryClient, job: Job, _before: Job | undefined): void {
  if (isSeeded) note(client, job);
}

/** The list as a whole: the first one says what is old news, later ones what events did not say. */
export function onQueue(client: QueryClient, queue: Queue): void {
  const first = !isSeeded;
  for (const job of [...queue.finished].reverse()) note(client, job);
  for (const job of [...queue.pending, ...queue.running]) note(client, job);
  isSeeded = true;
  if (first) tellAway(queue);
}

/** What finished while nobody looked, once somebody looks again. */
export function tellAway(queue: Queue): void {
  if (document.hidden || !isSeeded) return;
  const missed = awaySince(queue.finished);
  markSeen(queue.finished.filter((j) => j.state === 'done').map((j) => j.id));
  for (const job of missed) noteFresh(job);
  const last = missed[0];
  if (!last) return;
  const goal: Goal = missed.length > 1 ? 'library' : { prompt: last.prompt_id, image: last.image_id };
  toast({
    kind: 'ok',
    text: words().app.finishedAway(missed.length),
    group: 'queue-away',
    action: { label: words().ui.show, run: () => goTo(goal) },
  });
}
