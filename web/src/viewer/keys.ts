// The keys of the viewer. Letters can be switched off and never act while one types.
import type { KeyboardEvent } from 'react';
import { usePrefs } from '@/app/prefs';

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
  | 'same';

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

export function actionOf(key: string, shift: boolean, letters: boolean): ViewerAction | { rate: number } | null {
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
