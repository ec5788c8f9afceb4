// Which jobs came from which document, so that its stage shows them and nothing else: their ids, and
// the version that somebody chose to look at. Kept for the blank editor, so that a reload in the
// middle of a job shows it again.
import * as v from 'valibot';
import { create } from 'zustand';
import type { Job } from '@/api/types';
import { useDocument, type DraftKey } from '@/document/store';
import { load, save } from '@/lib/storage';

const KEPT = 40;
const Ids = v.pipe(v.array(v.number()), v.maxLength(KEPT));

interface StageJobs {
  ids: Record<DraftKey, number[]>;
  pins: Record<DraftKey, number | null>; // image ids
  dismissed: number[]; // failed jobs that were read
  aside: number[]; // of the blank editor before "new"
}

export const useStageJobs = create<StageJobs>()(() => ({
  ids: { new: load('stage', Ids) ?? [] },
  pins: {},
  dismissed: [],
  aside: [],
}));

function setIds(key: DraftKey, list: number[]): void {
  const ids = list.slice(-KEPT);
  useStageJobs.setState((s) => ({ ids: { ...s.ids, [key]: ids } }));
  if (key === 'new') save('stage', ids);
}

/** These jobs were made of the document: the stage shows the newest of them. */
export function noteJobs(key: DraftKey, jobs: readonly Pick<Job, 'id'>[]): void {
  const old = useStageJobs.getState().ids[key] ?? [];
  setIds(key, [...old, ...jobs.map((j) => j.id).filter((id) => !old.includes(id))]);
  pin(key, null);
}

export function pin(key: DraftKey, imageId: number | null): void {
  useStageJobs.setState((s) => ({ pins: { ...s.pins, [key]: imageId } }));
}

export function dismiss(jobId: number): void {
  useStageJobs.setState((s) => ({ dismissed: [...s.dismissed, jobId] }));
}

// "New" clears the shown result as well; undoing it brings both back.
useDocument.subscribe((now, before) => {
  if (now.key !== 'new' || before.key !== 'new' || now.doc === before.doc) return;
  const did = now.past.length > before.past.length && now.past.at(-1)?.label === 'new';
  const undid = now.future.length > before.future.length && now.future.at(-1)?.label === 'new';
  if (did) {
    useStageJobs.setState((s) => ({ aside: s.ids.new ?? [] }));
    setIds('new', []);
    pin('new', null);
  } else if (undid) {
    setIds('new', useStageJobs.getState().aside);
  }
});
