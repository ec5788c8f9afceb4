// From the document to jobs in the queue. The server owns them from then on.
import type { QueryClient } from '@tanstack/react-query';
import { ApiError, call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Job, NewItem, Queue } from '@/api/types';
import { sendable } from '@/document/caption';
import { formOf } from '@/document/form';
import { useDocument, type Doc } from '@/document/store';
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

/** Adds the document to the queue; the seed that was drawn shows in the field. Throws ApiError. */
export async function enqueue(client: QueryClient, wish: Wish): Promise<Job[]> {
  const { doc, key, setSettings } = useDocument.getState();
  const { seed: typed, seedLocked } = doc.settings;
  const seed = seedOf(wish.newSeed && !seedLocked ? '' : typed);
  if (seed === null) throw new Error('seed');
  const items = [itemOf(doc, wish, seed)];
  const added = await call<{ jobs: Job[]; revision: number }>('/api/queue', {
    body: { items, at: wish.next ? 'next' : 'end' },
  }).catch((e: unknown) => {
    if (e instanceof ApiError && e.status >= 400 && e.status < 500 && e.code !== 'queue_full') {
      noteRefused(items, wish.next === true, e);
    }
    throw e;
  });
  noteJobs(key, added.jobs);
  if (String(seed) !== typed) setSettings('seed', { seed: String(seed) }, 'seed');
  // Events may have been faster: what they brought is newer.
  client.setQueryData<Queue>(keys.queue, (queue) => queue && added.jobs.filter((job) => !knows(queue, job.id)).reduce(withJob, queue));
  void client.invalidateQueries({ queryKey: keys.queue });
  return added.jobs;
}
