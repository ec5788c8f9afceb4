// Keys that work everywhere (B16). Single letters never act while somebody writes, and can be
// switched off; what a part of the page handled itself is left alone.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { keepCaret } from './caret';
import { commands, lettersOn, stopCurrent, type CommandName } from './commands';
import { setUi, useUi } from './ui-state';

const GO_MS = 1500; // between G and the letter after it

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

const GO: Record<string, CommandName> = { c: 'create', l: 'library', h: 'history', q: 'queue' };
const MODES: Record<string, CommandName> = { Digit1: 'quick', Digit2: 'form', Digit3: 'layout', Digit4: 'json' };

/** Fields that are no part of the document have the browser's own undo. */
const undoesItself = (target: EventTarget | null): boolean =>
  isWriting(target) &&
  target instanceof Element &&
  (target.closest('[data-undo=own], [data-testid=quick-text], [data-testid=library-search], aside') !== null ||
    !/^\/($|history\/)/.test(window.location.pathname));

/** The command of a key with Ctrl or Cmd. */
export function chord(e: Pick<KeyboardEvent, 'key' | 'shiftKey'>): CommandName | null {
  const key = e.key.toLowerCase();
  if (key === 'enter') return e.shiftKey ? 'generateNext' : 'generate';
  if (key === 'k' && !e.shiftKey) return 'palette';
  if (key === 'z') return e.shiftKey ? 'redo' : 'undo';
  if (key === 'y' && !e.shiftKey) return 'redo';
  return key === '.' ? 'stop' : null;
}

export function useKeys(): void {
  const client = useQueryClient();
  const navigate = useNavigate();
  useEffect(() => {
    let goAt = 0;
    const run = (name: CommandName): boolean => {
      const inEditor = /^\/($|history\/)/.test(window.location.pathname);
      const command = commands({ client, navigate, inEditor }).find((c) => c.name === name);
      command?.run();
      return command !== undefined;
    };
    const withControl = (e: KeyboardEvent) => {
      const name = chord(e);
      if (name === null) return;
      if (name === 'palette') {
        e.preventDefault();
        setUi({ palette: !useUi.getState().palette });
      } else if (name === 'stop') {
        e.preventDefault();
        void stopCurrent(client);
      } else if (inDialog()) {
        return;
      } else if (name === 'undo' || name === 'redo') {
        if (undoesItself(e.target)) return;
        e.preventDefault();
        keepCaret(e.target, () => run(name));
      } else if (run(name)) e.preventDefault();
    };
    const letter = (e: KeyboardEvent) => {
      const key = e.key.toLowerCase();
      const name = Date.now() - goAt < GO_MS ? GO[key] : undefined;
      goAt = 0;
      if (name) return run(name);
      if (key === 'g' && !e.shiftKey) {
        goAt = Date.now();
        return true;
      }
      if (e.key === '/') return run('search');
      if (e.key === '?') return run('keys');
      if (key === 'r') return run(e.shiftKey ? 'regenerateSame' : 'regenerate');
      return false;
    };
    const down = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing) return;
      if ((e.ctrlKey || e.metaKey) && !e.altKey) return withControl(e);
      if (e.altKey && !e.ctrlKey && !e.metaKey && MODES[e.code]) {
        if (!inDialog() && run(MODES[e.code]!)) e.preventDefault();
        return;
      }
      if (e.ctrlKey || e.metaKey || e.altKey || !lettersOn()) return;
      if (isWriting(e.target) || inDialog() || isTaken(e.target)) return;
      if (letter(e)) e.preventDefault();
    };
    window.addEventListener('keydown', down);
    return () => window.removeEventListener('keydown', down);
  }, [client, navigate]);
}
