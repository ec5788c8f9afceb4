// A run of Magic Prompt. It belongs to the application: pages come and go, the run goes on, and
// there is one at a time.
import type { QueryClient } from '@tanstack/react-query';
import { create } from 'zustand';
import { knows, withJob } from '@/api/live';
import { ApiError, call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Job, Queue } from '@/api/types';
import { announce } from '@/app/ui-state';
import { setPrefs } from '@/app/prefs';
import { isDict } from '@/document/caption';
import type { Json } from '@/document/json';
import { useDocument, type Doc } from '@/document/store';
import { enqueue, itemOf, seedOf } from '@/editor/generate';
import { markUsed } from '@/editor/settings/seed';
import { words } from '@/i18n';
import { noteJobs } from '@/stage/jobs';
import { randomSeed } from '@/lib/ids';
import { toast } from '@/ui/toasts';
import { captionText, promptFor } from './merge';
import { base64 } from './pictures';
import { howOf, remember, removeAllPictures, setQuick, useQuick } from './quick-state';
import { hasContent, type Review } from './review-state';

const SECONDS = 125;

export type Intent = 'expand' | 'generate';

interface RunState {
  run: { intent: Intent; startedAt: number; stop: AbortController } | null;
  problem: string | null; // why the last one failed
  review: Review | null; // what the last one changed, until somebody has looked
}

export const useRun = create<RunState>()(() => ({ run: null, problem: null, review: null }));

export const clearProblem = (): void => useRun.setState({ problem: null });

export function cancelRun(): void {
  useRun.getState().run?.stop.abort();
}

interface Answer {
  caption?: Json;
  model?: string;
}

async function ask(doc: Doc, signal: AbortSignal): Promise<{ text: string; model: string }> {
  const { text, pictures, keepElements } = useQuick.getState();
  const how = howOf(doc.text);
  const answer = await call<Answer>('/api/magic-prompt', {
    body: {
      prompt: promptFor(text.trim(), doc.text, keepElements, how),
      width: doc.settings.width,
      height: doc.settings.height,
      images_b64: await Promise.all(pictures.map((p) => base64(p.blob))),
    },
    signal,
    seconds: SECONDS,
  });
  if (!isDict(answer.caption)) throw new ApiError(words().magic.failed, 502);
  return { text: captionText(answer.caption, doc.text, keepElements, how), model: answer.model ?? '' };
}

/** The draft it was written for is open: as if Generate was pressed. Else from what is known of it. */
async function draw(client: QueryClient, doc: Doc, key: string, isOpen: boolean): Promise<void> {
  if (isOpen) {
    await enqueue(client, { promptId: null, newSeed: true });
    const now = useDocument.getState();
    if (now.key === key) markUsed(key, now.doc.settings.seed);
    return;
  }
  const { seed: typed, seedLocked } = doc.settings;
  const seed = (seedLocked ? seedOf(typed) : null) ?? randomSeed();
  const { jobs } = await call<{ jobs: Job[] }>('/api/queue', {
    body: { items: [itemOf(doc, { promptId: null }, seed)], at: 'end' },
  });
  noteJobs(key, jobs);
  client.setQueryData<Queue>(keys.queue, (queue) => queue && jobs.filter((job) => !knows(queue, job.id)).reduce(withJob, queue));
  void client.invalidateQueries({ queryKey: keys.queue });
}

const applyText = (text: string) => {
  const { doc, replace } = useDocument.getState();
  replace('magic', { ...doc, text });
};

async function openForm(key: string): Promise<void> {
  setPrefs({ mode: 'form' });
  const { router } = await import('@/app/router');
  await (key === 'new'
    ? router.navigate({ to: '/' })
    : router.navigate({ to: '/history/$promptId', params: { promptId: Number(key) } }));
}

function tellDone(intent: Intent, model: string, key: string, text: string, isOpen: boolean): void {
  const t = words().magic;
  const said = intent === 'generate' ? t.queued(model) : isOpen ? t.done(model) : t.doneElsewhere;
  announce(said);
  const action = isOpen
    ? { label: t.openForm, run: () => void openForm(key) }
    : { label: t.apply, run: () => applyText(text) };
  toast({ kind: 'ok', text: said, group: 'magic', ...(intent === 'generate' && isOpen ? {} : { action }) });
}

function tellFailed(e: unknown, stop: AbortController): void {
  const t = words().magic;
  if (stop.signal.aborted) {
    announce(t.cancelled);
    return;
  }
  const isSilent = e instanceof ApiError && (e.status === 504 || (e.isUnreachable && navigator.onLine && isLate()));
  const why = isSilent ? t.timeout : e instanceof Error ? e.message : '';
  const text = why ? `${t.failed}: ${why}` : t.failed;
  useRun.setState({ problem: text });
  // Where the text is, the reason stands below it already.
  if (document.querySelector('[data-testid="quick-text"]')?.checkVisibility()) announce(text);
  else toast({ kind: 'bad', text, group: 'magic' });
}

const isLate = (): boolean => Date.now() - (useRun.getState().run?.startedAt ?? Date.now()) > SECONDS * 900;

export async function startRun(client: QueryClient, intent: Intent): Promise<void> {
  const t = words().magic;
  if (useRun.getState().run) {
    toast({ kind: 'info', text: t.already, group: 'magic' });
    return;
  }
  const stop = new AbortController();
  useRun.setState({ run: { intent, startedAt: Date.now(), stop }, problem: null, review: null });
  announce(t.started);
  const { doc, key } = useDocument.getState();
  const asked = useQuick.getState().text;
  try {
    const { text, model } = await ask(doc, stop.signal);
    const isOpen = useDocument.getState().key === key;
    const before = useDocument.getState().doc.text;
    if (isOpen) applyText(text);
    if (isOpen && hasContent(before)) useRun.setState({ review: { key, before, after: text } });
    remember(asked);
    if (intent === 'generate') await draw(client, { text, settings: doc.settings }, key, isOpen);
    removeAllPictures();
    // What was typed while the run went on stays.
    if (intent === 'generate' && useQuick.getState().text === asked) setQuick({ text: '' });
    tellDone(intent, model, key, text, isOpen);
  } catch (e) {
    tellFailed(e, stop);
  } finally {
    useRun.setState({ run: null });
  }
}
