// What the sheet of keys shows, and whether keys are free for a name: apart from what moves about
// and what the browser keeps for itself, every key can be changed.
import type { Words } from '@/i18n/en';
import type { prefs } from '@/i18n/en/prefs';
import { PAGE_KEYS, type PageKey } from './key-map';
import { PLACES, type Place } from './key-places';

export type Name = keyof Words['tools']['commands'];
export type Group = keyof typeof prefs.groups;

export interface Row {
  name: Name;
  id: string; // under which a change is kept
  keys: string; // as they come
  isFixed?: boolean;
}

const page = (...names: PageKey[]): Row[] => names.map((name) => ({ name, id: name, keys: PAGE_KEYS[name] }));
const place = (where: Place): Row[] =>
  Object.entries(PLACES[where].keys).map(([name, keys]) => ({ name: name as Name, id: `${where}.${name}`, keys }));
const fixed = (...rows: [Name, string][]): Row[] => rows.map(([name, keys]) => ({ name, id: `fixed.${name}`, keys, isFixed: true }));

export const GROUPS: Record<Group, Row[]> = {
  everywhere: [
    ...page('palette', 'search', 'create', 'library', 'history', 'queue', 'stop', 'keys'),
    ...fixed(['close', 'esc']),
  ],
  editor: page('generate', 'generateNext', 'regenerate', 'regenerateSame', 'undo', 'redo', 'quick', 'form', 'layout', 'json'),
  picture: [
    ...place('picture'),
    ...fixed(['rate', '1–5'], ['move', 'arrowleft arrowright'], ['ends', 'home end'], ['compare', 'space']),
  ],
  canvas: [
    ...place('canvas'),
    ...fixed(['nudge', 'arrowleft arrowup arrowdown arrowright'], ['walk', 'tab'], ['editBox', 'enter'], ['removeBox', 'delete'], ['zoomBy', '+ −']),
  ],
};

const MOVING = /^(shift\+)?(tab|escape|enter|space|home|end|pageup|pagedown|arrow\w+|contextmenu|[0-9+\-=])$/;
const BROWSER = /^mod\+(shift\+)?[acvxtwnrlfpsq]$|^f(1|3|5|6|7|10|11|12)$|^mod\+(tab|[0-9+\-=])$/;

/** Keys that nobody can have. */
export const isKept = (keys: string): boolean => MOVING.test(keys) || BROWSER.test(keys);

/** Who has these keys where they would mean something else now. */
export function holder(keys: string, row: Row, changes: Record<string, string>): Row | null {
  const isPage = (id: string) => !id.includes('.');
  const near = Object.values(GROUPS)
    .flat()
    .filter((r) => !r.isFixed && r.id !== row.id && (isPage(row.id) ? isPage(r.id) : r.id.split('.')[0] === row.id.split('.')[0]));
  return (
    near.find((r) => {
      const own = changes[r.id] ?? r.keys;
      return own === keys || own.startsWith(`${keys} `) || keys.startsWith(`${own} `);
    }) ?? null
  );
}
