// What a person wrote for Magic Prompt, and the pictures beside it. The text outlives a reload;
// both stay until a run has succeeded (D10).
import * as v from 'valibot';
import { create } from 'zustand';
import { load, save } from '@/lib/storage';
import { words } from '@/i18n';
import type { How } from './merge';
import { hasContent } from './review-state';
import { BYTES_MAX, PICTURES_MAX, takePicture, type Picture, type Refusal } from './pictures';

export const TEXT_MAX = 12_000;
const RECENT_MAX = 12;
const PAUSE_MS = 300;

const Kept = v.object({
  text: v.fallback(v.string(), ''),
  recent: v.fallback(v.array(v.string()), []),
});
type Kept = v.InferOutput<typeof Kept>;

interface QuickState extends Kept {
  keepElements: boolean; // in the next run, instead of the written ones
  how: How; // with what is there, if anything is
  pictures: Picture[];
  refused: string | null; // why pictures were not taken
}

export const useQuick = create<QuickState>()(() => ({
  ...(load('quick', Kept) ?? { text: '', recent: [] }),
  keepElements: false,
  how: 'anew',
  pictures: [],
  refused: null,
}));

/** What the next run does with the document. */
export const howOf = (document: string): How => (hasContent(document) ? useQuick.getState().how : 'anew');

let timer: ReturnType<typeof setTimeout> | undefined;

function keep(): void {
  clearTimeout(timer);
  const { text, recent } = useQuick.getState();
  save('quick', { text, recent });
}

globalThis.addEventListener?.('pagehide', keep);

export function setQuick(change: Partial<Kept>): void {
  useQuick.setState(change);
  clearTimeout(timer);
  timer = setTimeout(keep, PAUSE_MS);
}

export function remember(text: string): void {
  const trimmed = text.trim();
  if (trimmed === '') return;
  const { recent } = useQuick.getState();
  setQuick({ recent: [trimmed, ...recent.filter((r) => r !== trimmed)].slice(0, RECENT_MAX) });
}

function sentence({ why, name }: Refusal): string {
  const t = words().magic;
  if (why === 'tooLarge') return t.tooLarge(name, `${BYTES_MAX / 2 ** 20} MiB`);
  return why === 'noPicture' ? t.noPicture(name) : t.unreadable(name);
}

export async function addPictures(files: File[]): Promise<void> {
  const reasons: string[] = [];
  for (const file of files) {
    if (useQuick.getState().pictures.length >= PICTURES_MAX) {
      reasons.push(words().magic.tooMany(PICTURES_MAX));
      break;
    }
    const taken = await takePicture(file);
    if ('why' in taken) reasons.push(sentence(taken));
    else useQuick.setState((s) => ({ pictures: [...s.pictures, taken].slice(0, PICTURES_MAX) }));
  }
  useQuick.setState({ refused: reasons.join(' ') || null });
}

export function removePicture(id: string): void {
  useQuick.setState((s) => {
    const gone = s.pictures.find((p) => p.id === id);
    if (gone) URL.revokeObjectURL(gone.url);
    return { pictures: s.pictures.filter((p) => p.id !== id), refused: null };
  });
}

export function removeAllPictures(): void {
  for (const { id } of useQuick.getState().pictures) removePicture(id);
}
