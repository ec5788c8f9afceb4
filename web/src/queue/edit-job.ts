// A waiting job in the editor: its caption and settings become the document (with undo), and can be
// saved back into the job while it still waits.
import type { QueryClient } from '@tanstack/react-query';
import { create } from 'zustand';
import { call } from '@/api/client';
import { keys } from '@/api/queries';
import type { Queue, WholeJob } from '@/api/types';
import { useDocument } from '@/document/store';
import { itemOf, seedOf } from '@/editor/generate';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { intoEditor, type Navigate } from '@/viewer/into-editor';
import { because, changeJob } from './actions';
import { jobLabel } from './labels';

export const useEditing = create<{ id: number | null; label: string }>()(() => ({ id: null, label: '' }));

export const leaveJob = (): void => useEditing.setState({ id: null, label: '' });

/** The caption of a job as the text it was sent with. */
export function captionText(caption: unknown): string {
  return typeof caption === 'string' ? caption : JSON.stringify(caption, null, 2);
}

/** Opens what a job draws in the editor; one that waits can be saved back. */
export async function openJob(id: number, navigate: Navigate): Promise<void> {
  const t = words().queue;
  try {
    const job = await call<WholeJob>(`/api/queue/${id}`);
    await intoEditor(
      {
        caption: captionText(job.caption),
        width: job.width,
        height: job.height,
        preset: job.preset,
        seed: job.seed,
        format: job.format,
        loras: job.loras,
      },
      navigate,
    );
    if (job.state === 'pending') useEditing.setState({ id, label: jobLabel(job, t.untitled, job.caption) });
    else leaveJob();
  } catch (e) {
    toast({ kind: 'bad', text: `${t.loadFailed}: ${because(e)}`, group: 'queue-open' });
  }
}

/** True while the job can still be changed. */
export function isWaiting(queue: Queue | undefined, id: number): boolean {
  return queue?.pending.some((j) => j.id === id) ?? false;
}

export async function saveBack(client: QueryClient): Promise<void> {
  const t = words().queue;
  const { id } = useEditing.getState();
  const { doc, error } = useDocument.getState();
  const seed = seedOf(doc.settings.seed);
  if (id === null) return;
  if (error || seed === null) {
    toast({ kind: 'bad', text: t.notSendable, group: 'queue-edit' });
    return;
  }
  const { caption, width, height, preset, format, loras, form_json, hld } = itemOf(doc, { promptId: null }, seed);
  const changed = await changeJob(client, id, { caption, width, height, preset, seed, format, loras, form_json, hld });
  if (!changed) return;
  void client.invalidateQueries({ queryKey: keys.job(id) });
  toast({ kind: 'ok', text: t.savedBack, group: 'queue-edit' });
  leaveJob();
}
