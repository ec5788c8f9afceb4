// The keys of the viewer. Letters can be switched off and never act while one types.
import type { KeyboardEvent } from 'react';
import { usePrefs } from '@/app/prefs';
import type { Zoom } from './use-zoom';

export type ViewerAction =
  | 'previous'
  | 'next'
  | 'first'
  | 'last'
  | 'zoom'
  | 'zoomIn'
  | 'zoomOut'
  | 'fit'
  | 'info'
  | 'boxes'
  | 'favorite'
  | 'trash'
  | 'again'
  | 'same'
  | 'panLeft'
  | 'panRight'
  | 'panUp'
  | 'panDown';

const NAMED: Record<string, ViewerAction> = {
  ArrowLeft: 'previous',
  ArrowRight: 'next',
  Home: 'first',
  End: 'last',
  Delete: 'trash',
};
const LETTERS: Record<string, ViewerAction> = {
  z: 'zoom',
  i: 'info',
  f: 'favorite',
  b: 'boxes',
  r: 'again',
  '+': 'zoomIn',
  '-': 'zoomOut',
  '0': 'fit',
};

const PANS: Record<string, ViewerAction> = {
  ArrowLeft: 'panLeft',
  ArrowRight: 'panRight',
  ArrowUp: 'panUp',
  ArrowDown: 'panDown',
};

export function actionOf(key: string, shift: boolean, letters: boolean): ViewerAction | { rate: number } | null {
  const pan = shift ? PANS[key] : undefined;
  if (pan) return pan;
  const named = NAMED[key];
  if (named) return named;
  if (!letters) return null;
  if (/^[1-5]$/.test(key)) return { rate: Number(key) };
  const letter = LETTERS[key.toLowerCase()];
  return letter === 'again' && shift ? 'same' : (letter ?? null);
}

export function viewerKey(e: KeyboardEvent<HTMLElement>): ViewerAction | { rate: number } | null {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return null;
  const target = e.target instanceof Element ? e.target : null;
  if (target?.closest('input, textarea, select, [contenteditable], [role="menu"]')) return null;
  return actionOf(e.key, e.shiftKey, usePrefs.getState().letterKeys);
}

const PAN_PX = 64;
const ZOOM_STEP = 1.5;

/** Zoom and pan of a picture by its keys; false: the action is another. */
export function moveView(zoom: Zoom | null, action: ViewerAction): boolean {
  const acts: Partial<Record<ViewerAction, (z: Zoom) => void>> = {
    zoom: (z) => z.toggle(),
    zoomIn: (z) => z.by(ZOOM_STEP),
    zoomOut: (z) => z.by(1 / ZOOM_STEP),
    fit: (z) => z.setFit(),
    // The window goes that way over the picture.
    panLeft: (z) => z.pan(PAN_PX, 0),
    panRight: (z) => z.pan(-PAN_PX, 0),
    panUp: (z) => z.pan(0, PAN_PX),
    panDown: (z) => z.pan(0, -PAN_PX),
  };
  const act = acts[action];
  if (act && zoom) act(zoom);
  return act !== undefined;
}
