// The document in the editor and its history. The document is a text (the caption, as typed) and
// its settings; every view reads it and edits it through `edit`, and every edit can be undone.
import { create } from 'zustand';
import { EMPTY_TEXT, isDict, read, type Caption, type Edit } from './caption';
import { parse, type Json, type ParseError } from './json';

export interface LoraUse {
  name: string;
  strength: number;
}

export interface Settings {
  width: number;
  height: number;
  preset: string;
  seed: string; // "": a random one
  seedLocked: boolean;
  format: string;
  loras: LoraUse[];
}

export interface Doc {
  text: string;
  settings: Settings;
}

export interface Step {
  doc: Doc;
  label: string; // of the edit that led away from `doc`
}

/** Where a draft belongs: "new", or the id of an opened entry. */
export type DraftKey = string;

interface State {
  key: DraftKey;
  doc: Doc;
  past: Step[];
  future: Step[];
  /** The last text that was a caption, which views show while the text is not one. */
  good: { text: string; value: Json; caption: Caption };
  error: ParseError | null;
  group: { id: string; at: number; size: number } | null;
  edit(label: string, change: Edit, group?: string): void;
  setText(text: string): void;
  setSettings(label: string, change: Partial<Settings>, group?: string): void;
  replace(label: string, doc: Doc, group?: string): void;
  undo(): void;
  redo(): void;
  revert(): void;
  open(key: DraftKey, doc: Doc, past?: Step[]): void;
}

export const STEPS_MAX = 200;
const PAUSE_MS = 700;
const GROUP_CHARACTERS = 40;
const GROUP_WORDS = 16; // characters, after which the next word is another step

export const DEFAULT_SETTINGS: Settings = {
  width: 1024,
  height: 1024,
  preset: 'V4_QUALITY_48',
  seed: '',
  seedLocked: false,
  format: 'webp',
  loras: [],
};

export const EMPTY_DOC: Doc = { text: EMPTY_TEXT, settings: DEFAULT_SETTINGS };

function view(text: string, before: State['good'] | null): Pick<State, 'good' | 'error'> {
  const parsed = parse(text);
  const fallback = before ?? { text: EMPTY_TEXT, value: {}, caption: read({}) };
  if (!parsed.ok) return { good: fallback, error: parsed.error };
  if (!isDict(parsed.root.value)) {
    return {
      good: fallback,
      error: { message: 'the caption is not an object', offset: 0, line: 1, column: 1 },
    };
  }
  return { good: { text, value: parsed.root.value, caption: read(parsed.root.value) }, error: null };
}

/** Whether what was typed is the first letter of a word. */
function beginsWord(before: string, after: string): boolean {
  if (after.length <= before.length) return false;
  let at = 0;
  while (at < before.length && before[at] === after[at]) at++;
  const blank = /\s|\\n/;
  return !blank.test(after[at] ?? ' ') && blank.test(after.slice(Math.max(0, at - 2), at));
}

/**
 * Typing goes on in the same step while it is the same field, without a pause, and not too long; a
 * longer one ends with a word.
 */
function goesOn(state: State, group: string | undefined, size: number, now: number, text: string): boolean {
  const g = state.group;
  if (group === undefined || g?.id !== group || now - g.at >= PAUSE_MS || g.size + size > GROUP_CHARACTERS) return false;
  return g.size < GROUP_WORDS || !beginsWord(state.doc.text, text);
}

function change(state: State, label: string, doc: Doc, group?: string): Partial<State> {
  if (doc.text === state.doc.text && doc.settings === state.doc.settings) return {};
  const now = Date.now();
  const size = Math.abs(doc.text.length - state.doc.text.length) || 1;
  const same = goesOn(state, group, size, now, doc.text);
  const past = same ? state.past : [...state.past, { doc: state.doc, label }].slice(-STEPS_MAX);
  return {
    doc,
    past,
    future: [],
    group: group === undefined ? null : { id: group, at: now, size: same ? state.group!.size + size : size },
    ...view(doc.text, state.good),
  };
}

export const useDocument = create<State>()((write) => ({
  key: 'new',
  doc: EMPTY_DOC,
  past: [],
  future: [],
  ...view(EMPTY_TEXT, null),
  group: null,
  edit: (label, edit, group) =>
    write((s) => (s.error ? {} : change(s, label, { ...s.doc, text: edit(s.doc.text) }, group))),
  setText: (text) => write((s) => change(s, 'json', { ...s.doc, text }, 'json')),
  setSettings: (label, settings, group) =>
    write((s) => change(s, label, { ...s.doc, settings: { ...s.doc.settings, ...settings } }, group)),
  replace: (label, doc, group) => write((s) => change(s, label, doc, group)),
  undo: () =>
    write((s) => {
      const step = s.past.at(-1);
      if (!step) return {};
      return {
        doc: step.doc,
        past: s.past.slice(0, -1),
        future: [...s.future, { doc: s.doc, label: step.label }],
        group: null,
        ...view(step.doc.text, s.good),
      };
    }),
  redo: () =>
    write((s) => {
      const step = s.future.at(-1);
      if (!step) return {};
      return {
        doc: step.doc,
        past: [...s.past, { doc: s.doc, label: step.label }],
        future: s.future.slice(0, -1),
        group: null,
        ...view(step.doc.text, s.good),
      };
    }),
  revert: () => write((s) => change(s, 'revert', { ...s.doc, text: s.good.text })),
  open: (key, doc, past = []) =>
    write({ key, doc, past, future: [], group: null, ...view(doc.text, null) }),
}));

export const useCaption = (): Caption => useDocument((s) => s.good.caption);
export const useSettings = (): Settings => useDocument((s) => s.doc.settings);
/** Why views other than the JSON one are read-only; null: they are not. */
export const useTextError = (): ParseError | null => useDocument((s) => s.error);
