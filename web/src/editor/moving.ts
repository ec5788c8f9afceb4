// Moving over from the original page, which lived at this address before: its last form becomes the
// draft, its waiting jobs are offered once. Its own keys stay as they are.
import * as v from 'valibot';
import { call } from '@/api/client';
import type { NewItem } from '@/api/types';
import { formOf, readForm, type Form } from '@/document/form';
import { write, type Json } from '@/document/json';
import { load, save } from '@/lib/storage';
import { docOfForm, type OpenedDoc } from './stored';

const FORM_KEY = 'ideogram4_last_form';
const QUEUE_KEY = 'ideogram4_gen_queue_state';
const JOBS_MAX = 50;

const Moved = v.object({ form: v.boolean(), queue: v.boolean() });

function moved(): v.InferOutput<typeof Moved> {
  return load('moved', Moved) ?? { form: false, queue: false };
}

function old(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** The original's last form as a document, the first time; null: there is none, or it came already. */
export function takeOldForm(): OpenedDoc | null {
  if (moved().form) return null;
  const stored = old(FORM_KEY);
  save('moved', { ...moved(), form: true });
  const form = stored === null ? undefined : readForm(stored);
  return form && saysSomething(form) ? docOfForm(form) : null;
}

const saysSomething = (form: Form): boolean =>
  [form.hld, form.rawJson, form.bg, form.aes, form.light, form.cam, form.cp].some((text) => text.trim() !== '') ||
  form.els.some((e) => e.desc !== '' || e.text !== '');


const words = v.fallback(v.string(), '');
const OldJob = v.object({
  id: v.pipe(v.string(), v.minLength(1)),
  status: v.picklist(['queued', 'waiting', 'submitting']),
  promptId: v.fallback(v.nullish(v.number()), null),
  historyLinkMode: v.fallback(v.optional(v.string()), undefined),
  label: words,
  formSnapshot: v.fallback(v.optional(v.record(v.string(), v.unknown())), undefined),
  request: v.object({
    caption: v.record(v.string(), v.unknown()),
    width: v.number(),
    height: v.number(),
    preset: v.string(),
    seed: v.fallback(v.nullable(v.number()), null),
    format: v.string(),
  }),
});

/** The jobs of the original's queue that never began; others are left out one by one. */
export function oldJobs(stored: string | null): NewItem[] {
  let list: unknown;
  try {
    list = (JSON.parse(stored ?? 'null') as { genQueue?: unknown } | null)?.genQueue;
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.slice(0, JOBS_MAX).flatMap((one): NewItem[] => {
    const parsed = v.safeParse(OldJob, one);
    if (!parsed.success) return [];
    const job = parsed.output;
    const r = job.request;
    const text = write(r.caption as Json);
    const snapshot = job.formSnapshot;
    const hld = r.caption.high_level_description;
    return [
      {
        client_id: `moved:${job.id}`.slice(0, 128),
        caption: text,
        width: r.width,
        height: r.height,
        preset: r.preset,
        seed: r.seed,
        format: r.format,
        ...(job.historyLinkMode === 'regenerate' && job.promptId != null ? { prompt_id: job.promptId } : {}),
        form_json: snapshot ? JSON.stringify(snapshot) : formOf(text, { ...r, seed: String(r.seed ?? '') }),
        hld: typeof hld === 'string' ? hld : job.label,
      },
    ];
  });
}

export function jobsToOffer(): NewItem[] {
  return moved().queue ? [] : oldJobs(old(QUEUE_KEY));
}

/** They were restored, or declined: not offered again. */
export function offerDone(): void {
  save('moved', { ...moved(), queue: true });
}

export async function restoreJobs(items: NewItem[]): Promise<void> {
  await call('/api/queue', { body: { items, at: 'end' } });
  offerDone();
}
