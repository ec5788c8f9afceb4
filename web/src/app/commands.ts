// Everything that can be done from anywhere, by name: for the keys and the command palette.
import type { QueryClient } from '@tanstack/react-query';
import type { UseNavigateResult } from '@tanstack/react-router';
import { call } from '@/api/client';
import { keys as queryKeys, queueQuery } from '@/api/queries';
import type { Queue } from '@/api/types';
import { useDocument } from '@/document/store';
import { runGenerate } from '@/editor/actions';
import { createNew } from '@/editor/new';
import { swapSize } from '@/editor/settings/size-group';
import { words } from '@/i18n';
import type { Words } from '@/i18n/en';
import { chooseFile } from '@/import/choose';
import { copyText } from '@/lib/clipboard';
import { loadModel, unloadModel } from '@/model/actions';
import { toast } from '@/ui/toasts';
import { setPrefs, usePrefs, type Prefs } from './prefs';
import { announce, setUi } from './ui-state';

export type CommandName = keyof Words['tools']['commands'];

export interface Command {
  name: CommandName;
  keys?: string; // as shown
  run: () => void;
}

export interface Tools {
  client: QueryClient;
  navigate: UseNavigateResult<string>;
  inEditor: boolean;
}

/** A call that tells when it failed. */
export async function act(path: string, body: unknown = {}): Promise<boolean> {
  try {
    await call(path, { body });
    return true;
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e);
    toast({ kind: 'bad', text: words().tools.callFailed(why), group: 'command' });
    return false;
  }
}

export async function stopCurrent(client: QueryClient): Promise<void> {
  const queue = client.getQueryData<Queue>(queueQuery.queryKey);
  if (!queue || queue.running.length === 0) return;
  announce(words().tools.stopped);
  client.setQueryData<Queue>(queueQuery.queryKey, {
    ...queue,
    running: queue.running.map((j) => ({ ...j, cancelling: true })),
  });
  await act('/api/queue/cancel', { scope: 'current' });
  void client.invalidateQueries({ queryKey: queryKeys.queue });
}

/** Opens the history: beside the stage where there is room, over it elsewhere. */
export function showHistory(): void {
  if (window.matchMedia('(min-width: 1440px)').matches) setPrefs({ drawer: true });
  else setUi({ drawerOverlay: true });
  requestAnimationFrame(() => document.querySelector<HTMLElement>('aside input, aside a, aside button')?.focus());
}

const mode = (value: Prefs['mode']) => () => {
  setPrefs({ mode: value });
  setUi({ tab: 'create' });
};

export function commands({ client, navigate, inEditor }: Tools): Command[] {
  const search = () => {
    void navigate({ to: '/library' });
    // The field is there once the page is.
    const look = (tries: number) => {
      const field = document.querySelector<HTMLElement>('[data-testid="library-search"]');
      if (field) field.focus();
      else if (tries > 0) setTimeout(() => look(tries - 1), 50);
    };
    look(40);
  };
  const editor: Command[] = [
    { name: 'generate', keys: 'Ctrl Enter', run: () => runGenerate() },
    { name: 'generateNext', keys: 'Ctrl Shift Enter', run: () => runGenerate({ next: true }) },
    { name: 'regenerate', keys: 'R', run: () => runGenerate({ seed: 'new' }) },
    { name: 'regenerateSame', keys: 'Shift R', run: () => runGenerate({ seed: 'same' }) },
    { name: 'undo', keys: 'Ctrl Z', run: () => useDocument.getState().undo() },
    { name: 'redo', keys: 'Ctrl Shift Z', run: () => useDocument.getState().redo() },
    { name: 'quick', keys: 'Alt 1', run: mode('quick') },
    { name: 'form', keys: 'Alt 2', run: mode('form') },
    { name: 'layout', keys: 'Alt 3', run: mode('layout') },
    { name: 'json', keys: 'Alt 4', run: mode('json') },
    { name: 'swap', run: swapSize },
    { name: 'copyCaption', run: () => void copyText(useDocument.getState().doc.text) },
  ];
  return [
    ...(inEditor ? editor : []),
    {
      name: 'new',
      run: () => {
        void createNew();
        void navigate({ to: '/' });
      },
    },
    { name: 'open', run: chooseFile },
    { name: 'create', keys: 'G C', run: () => void navigate({ to: '/' }) },
    { name: 'library', keys: 'G L', run: () => void navigate({ to: '/library' }) },
    { name: 'history', keys: 'G H', run: showHistory },
    { name: 'queue', keys: 'G Q', run: () => setUi({ queueOpen: true, tab: 'queue' }) },
    { name: 'favorites', run: () => void navigate({ to: '/library', search: { fav: true } }) },
    { name: 'trash', run: () => void navigate({ to: '/trash' }) },
    { name: 'search', keys: '/', run: search },
    { name: 'stop', keys: 'Ctrl .', run: () => void stopCurrent(client) },
    { name: 'pause', run: () => void act('/api/queue/pause') },
    { name: 'resume', run: () => void act('/api/queue/resume') },
    { name: 'load', run: () => void loadModel(client) },
    { name: 'unload', run: () => void unloadModel(client) },
    { name: 'themeLight', run: () => setPrefs({ theme: 'light' }) },
    { name: 'themeDark', run: () => setPrefs({ theme: 'dark' }) },
    { name: 'themeSystem', run: () => setPrefs({ theme: 'system' }) },
    { name: 'preferences', run: () => setUi({ preferences: true }) },
    { name: 'keys', keys: '?', run: () => setUi({ keys: true }) },
  ];
}

export const lettersOn = (): boolean => usePrefs.getState().letterKeys;
