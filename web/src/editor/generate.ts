// From the document to jobs in the queue. The server owns them from then on.
import type { QueryClient } from '@tanstack/react-query';
import { ApiError, call } from '@/api/client';
import { capabilitiesQuery, keys } from '@/api/queries';
import type { Job, NewItem, Queue } from '@/api/types';
import { sendable } from '@/document/caption';
import { takePreferred } from '@/document/drafts';
import { formOf } from '@/document/form';
import { DEFAULT_SETTINGS, useDocument, type Doc } from '@/document/store';
import { newId, randomSeed, SEED_MAX } from '@/lib/ids';
import { knows, withJob } from '@/api/live';
import { noteRefused } from '@/queue/refused';
import { noteJobs } from '@/stage/jobs';

export interface Wish {
  promptId: number | null; // null: a new entry
  next?: boolean; // before all others
  repeat?: number;
  newSeed?: boolean; // whatever the field says
}

/** null: the text is no seed. "" is a random one. */
export function seedOf(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '') return randomSeed();
  const number = Number(trimmed);
  return /^\d{1,10}$/.test(trimmed) && number <= SEED_MAX ? number : null;
}

export function itemOf(doc: Doc, wish: Wish, seed: number): NewItem {
  const caption = sendable(doc.text);
  const s = doc.settings;
  const value = JSON.parse(caption) as { high_level_description?: unknown };
  const hld = value.high_level_description;
  return {
    client_id: newId(),
    caption,
    width: s.width,
    height: s.height,
    preset: s.preset,
    seed,
    format: s.format,
    loras: s.loras,
    ...(wish.promptId === null ? {} : { prompt_id: wish.promptId }),
    form_json: formOf(caption, { ...s, seed: String(seed) }, { loras: s.loras }),
    hld: typeof hld === 'string' ? hld : '',
    ...(wish.repeat && wish.repeat > 1 ? { repeat: wish.repeat } : {}),
  };
}

type Added = { jobs: Job[]; revision: number };

// Sent, and no answer came: what the server has of it is not known. Wished once more, it goes out
// under the same ids, and the server adds it once whatever happened the first time.
let unsure: { wish: string; items: NewItem[] } | null = null;

const send = (items: NewItem[], next: boolean) => call<Added>('/api/queue', { body: { items, at: next ? 'next' : 'end' } });

const isLost = (e: unknown): boolean => e instanceof ApiError && (e.status === 0 || e.status >= 500);

/** Adds the items; a lost answer is asked for again at once. */
async function sendOnce(items: NewItem[], next: boolean): Promise<Added> {
  try {
    return await send(items, next);
  } catch (e) {
    if (!isLost(e)) throw e;
    return send(items, next);
  }
}

/** A press may be faster than the machine says what it prefers: then it waits for that. */
async function untilSettled(client: QueryClient): Promise<void> {
  if (useDocument.getState().doc.settings !== DEFAULT_SETTINGS) return;
  takePreferred(await client.ensureQueryData(capabilitiesQuery).catch(() => undefined));
}

/** Adds the document to the queue; the seed that was drawn shows in the field. Throws ApiError. */
export async function enqueue(client: QueryClient, wish: Wish): Promise<Job[]> {
  await untilSettled(client);
  const { doc, key, setSettings } = useDocument.getState();
  const { seed: typed, seedLocked } = doc.settings;
  const seed = seedOf(wish.newSeed && !seedLocked ? '' : typed);
  if (seed === null) throw new Error('seed');
  const same = JSON.stringify([key, wish, doc.text, { ...doc.settings, seed: wish.newSeed ? '' : typed }]);
  const items = unsure?.wish === same ? unsure.items : [itemOf(doc, wish, seed)];
  unsure = { wish: same, items };
  const added = await sendOnce(items, wish.next === true).catch((e: unknown) => {
    if (!isLost(e)) unsure = null;
    if (e instanceof ApiError && e.status >= 400 && e.status < 500 && e.code !== 'queue_full') {
      noteRefused(items, wish.next === true, e);
    }
    throw e;
  });
  unsure = null;
  noteJobs(key, added.jobs);
  const drawn = String(items[0]?.seed ?? seed);
  if (drawn !== typed) setSettings('seed', { seed: drawn }, 'seed');
  // Events may have been faster: what they brought is newer.
  client.setQueryData<Queue>(keys.queue, (queue) => queue && added.jobs.filter((job) => !knows(queue, job.id)).reduce(withJob, queue));
  void client.invalidateQueries({ queryKey: keys.queue });
  return added.jobs;
}
