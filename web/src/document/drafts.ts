// Drafts: one for the blank editor and one for each opened entry, kept with their history while one
// types, so that neither a reload nor another entry costs a word. In IndexedDB, which has room, and
// the newest state at once in localStorage, which needs no waiting when the page ends.
import { get, set } from 'idb-keyval';
import * as v from 'valibot';
import { forget, load, save, watch } from '@/lib/storage';
import type { Capabilities } from '@/api/types';
import { DEFAULT_SETTINGS, useDocument, type Doc, type DraftKey, type Settings, type Step } from './store';

/** The key of a document that belongs to nobody yet: before the first one is opened. */
export const NO_DRAFT: DraftKey = '';

const PAUSE_MS = 300;
const STEPS_KEPT = 50;
const WAIT_MS = 1500; // for a database that does not answer

const Settings = v.object({
  width: v.number(),
  height: v.number(),
  preset: v.string(),
  seed: v.string(),
  seedLocked: v.fallback(v.boolean(), false),
  format: v.string(),
  loras: v.fallback(v.array(v.object({ name: v.string(), strength: v.number() })), []),
});
const Document = v.object({ text: v.string(), settings: Settings });
const Draft = v.object({
  doc: Document,
  past: v.fallback(v.array(v.object({ doc: Document, label: v.string() })), []),
  at: v.fallback(v.number(), 0), // when it was written, in ms
});
export interface StoredDraft {
  doc: Doc;
  past: Step[];
  at: number;
}

const name = (key: DraftKey) => `draft:${key}`;
const dbKey = (key: DraftKey) => `i4.${name(key)}`;

export const sameDoc = (a: Doc, b: Doc): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function inTime<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([
    promise.catch(() => undefined),
    new Promise<undefined>((done) => setTimeout(() => done(undefined), WAIT_MS)),
  ]);
}

/** Whichever was written last; the history comes from the database. */
export function newest(quick: StoredDraft | undefined, whole: StoredDraft | undefined): StoredDraft | undefined {
  if (!quick || !whole) return whole ?? quick;
  if (quick.past.length > 0 && quick.at >= whole.at) return quick; // written as the page ended
  if (quick.at < whole.at || sameDoc(quick.doc, whole.doc)) return whole;
  return { doc: quick.doc, past: [...whole.past, { doc: whole.doc, label: 'edit' }].slice(-STEPS_KEPT), at: quick.at };
}

export async function loadDraft(key: DraftKey): Promise<StoredDraft | undefined> {
  const quick = load(name(key), Draft);
  let stored: unknown;
  try {
    stored = await inTime(get<unknown>(dbKey(key)));
  } catch {
    stored = undefined; // no database at all
  }
  const result = v.safeParse(Draft, stored);
  if (!result.success && stored !== undefined) {
    await inTime(set(`i4.corrupt:${name(key)}`, stored));
  }
  return newest(quick, result.success ? result.output : undefined);
}

function draftNow(): { key: DraftKey; draft: StoredDraft } {
  const { key, doc, past } = useDocument.getState();
  return { key, draft: { doc, past: past.slice(-STEPS_KEPT), at: Date.now() } };
}

/** At once and without waiting: on every change and at the end of the page. */
function saveAtOnce(): void {
  const { key, draft } = draftNow();
  // An older text must not stay behind where the newer one has no room.
  if (!save(name(key), { ...draft, past: [] })) forget(name(key));
}

async function saveWhole(key: DraftKey, draft: StoredDraft): Promise<void> {
  try {
    await set(dbKey(key), draft);
  } catch {
    save(name(key), { ...draft, past: draft.past.slice(-5) });
  }
}

export async function saveNow(): Promise<void> {
  const { key, draft } = draftNow();
  saveAtOnce();
  await inTime(saveWhole(key, draft));
}

/** Saves the draft shortly after each change, until the returned function is called. */
export function keepDrafts(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isDirty = false;
  const stop = useDocument.subscribe((now, before) => {
    if (now.key !== before.key) {
      clearTimeout(timer);
      if (isDirty) {
        void saveWhole(before.key, { doc: before.doc, past: before.past.slice(-STEPS_KEPT), at: Date.now() });
      }
      isDirty = false;
      return;
    }
    if (now.doc === before.doc || now.key === NO_DRAFT) return;
    isDirty = true;
    saveAtOnce();
    clearTimeout(timer);
    timer = setTimeout(() => {
      isDirty = false;
      const { key, draft } = draftNow();
      void saveWhole(key, draft);
    }, PAUSE_MS);
  });
  const atEnd = () => {
    if (!isDirty) return;
    void saveNow();
    // The database may not get to it any more; where there is room, the history goes the short way.
    const { key, draft } = draftNow();
    if (!save(name(key), draft)) saveAtOnce();
  };
  window.addEventListener('pagehide', atEnd);
  return () => {
    stop();
    clearTimeout(timer);
    atEnd();
    window.removeEventListener('pagehide', atEnd);
  };
}

/** Calls back with what another tab made of the draft that is open here. */
export function watchDraft(key: DraftKey, changed: (other: Doc) => void): () => void {
  return watch(name(key), () => {
    const other = load(name(key), Draft);
    if (other && !sameDoc(other.doc, useDocument.getState().doc)) changed(other.doc);
  });
}

/** Settings that nobody touched are those that the server prefers, once it has said so. */
export function preferred(settings: Settings, can: Capabilities | undefined): Settings {
  if (!can?.size || !can.defaults || settings !== DEFAULT_SETTINGS) return settings;
  const { size, defaults } = can;
  return { ...settings, width: size.default, height: size.default, preset: defaults.preset, format: defaults.format };
}

/** Gives the open document what the server prefers. */
export function takePreferred(can: Capabilities | undefined): void {
  const { doc } = useDocument.getState();
  const settings = preferred(doc.settings, can);
  if (settings !== doc.settings) useDocument.setState({ doc: { ...doc, settings } });
}
