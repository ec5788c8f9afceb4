// Keys of pictures and of the canvas, which listen to their own: where a person changed them, what
// was pressed is given to them as the key that they know. Only loaded where something was changed.
import { chordOf } from './key-map';
import { usePrefs } from './prefs';

export const PLACES = {
  picture: {
    at: '[data-testid=viewer], [role=grid]',
    keys: { favorite: 'f', trashImage: 'delete', zoom: 'z', info: 'i', boxes: 'b', again: 'r', same: 'shift+r' },
  },
  canvas: {
    at: '[data-canvas]',
    keys: { lock: 'l', hide: 'h', grid: 'g', newObject: 'o', newText: 't', back: '[', forward: ']', fit: '0', duplicate: 'mod+d' },
  },
} as const;
export type Place = keyof typeof PLACES;
export type PlaceKey = { [P in Place]: keyof (typeof PLACES)[P]['keys'] }[Place];

/** What a place is to hear instead: other keys, null for nothing, undefined for what was pressed. */
export function meant(pressed: string, place: Place, changes: Record<string, string>): string | null | undefined {
  const keys = Object.entries(PLACES[place].keys);
  const taken = keys.find(([name]) => changes[`${place}.${name}`] === pressed);
  if (taken) return taken[1];
  const own = keys.find(([, known]) => known === pressed);
  return own && changes[`${place}.${own[0]}`] !== undefined ? null : undefined;
}

const KNOWN: Record<string, string> = { delete: 'Delete' };

function asEvent(keys: string): KeyboardEvent {
  const parts = keys.split('+');
  const last = parts.at(-1) ?? '';
  return new KeyboardEvent('keydown', {
    key: KNOWN[last] ?? last,
    shiftKey: parts.includes('shift'),
    ctrlKey: parts.includes('mod'),
    bubbles: true,
    cancelable: true,
  });
}

/** Until the answer is called. */
export function listenForPlaces(isWriting: (target: EventTarget | null) => boolean): () => void {
  const down = (e: KeyboardEvent) => {
    if (!e.isTrusted || e.isComposing || isWriting(e.target) || !(e.target instanceof Element)) return;
    const { target } = e;
    const place = (Object.keys(PLACES) as Place[]).find((p) => target.closest(PLACES[p].at));
    const pressed = chordOf(e);
    if (!place || pressed === null) return;
    const instead = meant(pressed, place, usePrefs.getState().keys);
    if (instead === undefined) return;
    e.stopImmediatePropagation();
    if (instead !== null && !target.dispatchEvent(asEvent(instead))) e.preventDefault();
  };
  window.addEventListener('keydown', down, true);
  return () => window.removeEventListener('keydown', down, true);
}
