// Keys that work everywhere (B16). Single letters never act while somebody writes, and can be
// switched off; what a part of the page handled itself is left alone.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { keepCaret } from './caret';
import { commands, lettersOn, stopCurrent, type CommandName } from './commands';
import { chordOf, isLetter, nameOf, type PageKey } from './key-map';
import { usePrefs } from './prefs';
import { setUi, useUi } from './ui-state';

const NEXT_MS = 1500; // between G and the letter after it

export const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !/^(checkbox|radio|range|button|submit|file|color)$/.test(target.type)));

const inDialog = () => document.querySelector('dialog[open]') !== null;
/** Whether the focus is where letters mean something else: menus and the canvas. */
const isTaken = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('[role=menu], [role=listbox], [data-keys=own]') !== null;

/** Fields that are no part of the document have the browser's own undo. */
const undoesItself = (target: EventTarget | null): boolean =>
  isWriting(target) &&
  target instanceof Element &&
  (target.closest('[data-undo=own], [data-testid=quick-text], [data-testid=library-search], aside') !== null ||
    !/^\/($|history\/)/.test(window.location.pathname));

export function useKeys(): void {
  const client = useQueryClient();
  const navigate = useNavigate();
  useEffect(() => {
    let before = ''; // the first of two keys
    let beforeAt = 0;
    const run = (name: CommandName): boolean => {
      const inEditor = /^\/($|history\/)/.test(window.location.pathname);
      const command = commands({ client, navigate, inEditor }).find((c) => c.name === name);
      command?.run();
      return command !== undefined;
    };
    /** Whether it was taken. */
    const take = (name: PageKey, e: KeyboardEvent): boolean => {
      if (name === 'palette') setUi({ palette: !useUi.getState().palette });
      else if (name === 'stop') void stopCurrent(client);
      else if (inDialog()) return false;
      else if (name === 'undo' || name === 'redo') {
        if (undoesItself(e.target)) return false;
        keepCaret(e.target, () => run(name));
      } else return run(name);
      return true;
    };
    const down = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing) return;
      const pressed = chordOf(e);
      if (pressed === null) return;
      if (isLetter(pressed) && (!lettersOn() || isWriting(e.target) || inDialog() || isTaken(e.target))) return;
      const first = Date.now() - beforeAt < NEXT_MS ? before : '';
      before = '';
      const name = (first && nameOf(`${first} ${pressed}`)) || nameOf(pressed);
      if (name === 'more') {
        [before, beforeAt] = [pressed, Date.now()];
        e.preventDefault();
      } else if (name && take(name, e)) e.preventDefault();
    };
    window.addEventListener('keydown', down);
    return () => window.removeEventListener('keydown', down);
  }, [client, navigate]);
  // Pictures and the canvas have keys of their own.
  const hasChanges = usePrefs((s) => Object.keys(s.keys).length > 0);
  useEffect(() => {
    if (!hasChanges) return;
    let stop: (() => void) | undefined;
    let isGone = false;
    void import('./key-places').then((m) => isGone || (stop = m.listenForPlaces(isWriting)));
    return () => {
      isGone = true;
      stop?.();
    };
  }, [hasChanges]);
}
