// Which keys mean what, and what a person made of it (B16). Keys are written as "mod+shift+z",
// "alt+1", "g c" (one after the other); mod is Ctrl, or Cmd. An empty text: switched off.
import { words } from '@/i18n';
import { usePrefs } from './prefs';

export const PAGE_KEYS = {
  palette: 'mod+k',
  stop: 'mod+.',
  create: 'g c',
  library: 'g l',
  history: 'g h',
  queue: 'g q',
  search: '/',
  keys: '?',
  generate: 'mod+enter',
  generateNext: 'mod+shift+enter',
  regenerate: 'r',
  regenerateSame: 'shift+r',
  undo: 'mod+z',
  redo: 'mod+shift+z',
  quick: 'alt+1',
  form: 'alt+2',
  layout: 'alt+3',
  json: 'alt+4',
} as const;
export type PageKey = keyof typeof PAGE_KEYS;

type Pressed = Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>;

/** What was pressed; null: only Shift and the like. */
export function chordOf(e: Pressed): string | null {
  if (/^(Shift|Control|Alt|AltGraph|Meta|CapsLock|Dead|Process|Unidentified)$/.test(e.key)) return null;
  const isSign = e.key.length === 1 && e.key.toLowerCase() === e.key.toUpperCase();
  // With Alt some keyboards write other signs; the key itself is meant.
  const digit = e.altKey ? /^Digit(\d)$/.exec(e.code)?.[1] : undefined;
  const key = digit ?? (e.key === ' ' ? 'space' : e.key.toLowerCase());
  const parts = [
    (e.ctrlKey || e.metaKey) && 'mod',
    e.altKey && 'alt',
    e.shiftKey && (!isSign || digit !== undefined) && 'shift',
    key,
  ];
  return parts.filter(Boolean).join('+');
}

/** Whether it could be a letter that somebody types. */
export const isLetter = (keys: string): boolean => !/(mod|alt)\+|^(delete|backspace|f\d+)$/.test(keys);

const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '');
const SIGNS: Record<string, string> = { arrowleft: '←', arrowright: '→', arrowup: '↑', arrowdown: '↓', ...(isMac && { mod: '⌘', alt: '⌥' }) };
function shown(key: string): string {
  const names: Record<string, string> = words().tools.keyNames;
  return SIGNS[key] ?? names[key] ?? key.charAt(0).toUpperCase() + key.slice(1);
}

/** Each key of it, as people write them. */
export const shownKeys = (keys: string): string[] => keys.split(' ').flatMap((chord) => chord.split(/\+(?=.)/).map(shown));

/** What belongs to a name after all changes. */
export const keysOf = (name: PageKey): string => usePrefs.getState().keys[name] ?? PAGE_KEYS[name];

/** The name that these keys have, or whether more have to follow. */
export function nameOf(keys: string): PageKey | 'more' | null {
  let more = false;
  for (const name of Object.keys(PAGE_KEYS) as PageKey[]) {
    const own = keysOf(name);
    if (own === keys) return name;
    if (own.startsWith(`${keys} `)) more = true;
  }
  if (more) return 'more';
  return keys === 'mod+y' ? 'redo' : null;
}

/** For a tip: the keys of a name, or the text itself where it is none. */
export function useShownKeys(text: string | undefined): string | undefined {
  const keys = usePrefs((s) => s.keys);
  if (text === undefined || !Object.hasOwn(PAGE_KEYS, text)) return text;
  return shownKeys(keys[text] ?? PAGE_KEYS[text as PageKey]).join(' ');
}
