// What a person adds to entries of the history: a name, a place at the top. Kept in this browser;
// the server's rows have no room for it.
import * as v from 'valibot';
import { create } from 'zustand';
import { load, save, watch } from '@/lib/storage';

const NOTES_MOST = 500;
export const NAME_MOST = 120;
const Note = v.object({
  id: v.pipe(v.number(), v.integer()),
  name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(NAME_MOST))),
  pinned: v.optional(v.boolean()),
});
const Notes = v.array(Note);
export type EntryNote = v.InferOutput<typeof Note>;

/** The list with a change to one entry; without what says nothing; the newest last. */
export function noted(list: readonly EntryNote[], id: number, change: Partial<Omit<EntryNote, 'id'>>): EntryNote[] {
  const before = list.find((note) => note.id === id);
  const next = { ...before, ...change, id };
  const note: EntryNote = { id, ...(next.name ? { name: next.name } : {}), ...(next.pinned ? { pinned: true } : {}) };
  const says = note.name !== undefined || note.pinned === true;
  return [...list.filter((other) => other.id !== id), ...(says ? [note] : [])].slice(-NOTES_MOST);
}

export const useNotes = create<{ list: EntryNote[] }>()(() => ({ list: load('entries', Notes) ?? [] }));
if (typeof window !== 'undefined') watch('entries', () => useNotes.setState({ list: load('entries', Notes) ?? [] }));

export function note(id: number, change: Partial<Omit<EntryNote, 'id'>>): void {
  const list = noted(useNotes.getState().list, id, change);
  useNotes.setState({ list });
  save('entries', list);
}

/** What stands above the others: the pinned ones, newest pin first; when searching, those whose name fits. */
export function idsAbove(list: readonly EntryNote[], q: string): number[] {
  const words = q.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ name, pinned }: EntryNote) =>
    words.length === 0 ? pinned === true : name !== undefined && words.every((word) => name.toLocaleLowerCase().includes(word));
  return list.filter(fits).map((one) => one.id).toReversed();
}
