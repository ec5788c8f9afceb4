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
    // In the library its filters stay.
    if (!/^\/library\/?$/.test(window.location.pathname)) void navigate({ to: '/library' });
    // The field is there once the page is.
    const look = (tries: number) => {
      const field = document.querySelector<HTMLElement>('[data-testid="library-search"]');
      if (field) field.focus();
      else if (tries > 0) setTimeout(() => look(tries - 1), 50);
    };
    look(40);
  };
  const editor: Command[] = [
    { name: 'generate', run: () => runGenerate() },
    { name: 'generateNext', run: () => runGenerate({ next: true }) },
    { name: 'regenerate', run: () => runGenerate({ seed: 'new' }) },
    { name: 'regenerateSame', run: () => runGenerate({ seed: 'same' }) },
    { name: 'undo', run: () => useDocument.getState().undo() },
    { name: 'redo', run: () => useDocument.getState().redo() },
    { name: 'quick', run: mode('quick') },
    { name: 'form', run: mode('form') },
    { name: 'layout', run: mode('layout') },
    { name: 'json', run: mode('json') },
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
    { name: 'create', run: () => void navigate({ to: '/' }) },
    { name: 'library', run: () => void navigate({ to: '/library' }) },
    { name: 'history', run: showHistory },
    { name: 'queue', run: () => setUi({ queueOpen: true, tab: 'queue' }) },
    { name: 'favorites', run: () => void navigate({ to: '/library', search: { fav: true } }) },
    { name: 'trash', run: () => void navigate({ to: '/trash' }) },
    { name: 'search', run: search },
    { name: 'stop', run: () => void stopCurrent(client) },
    { name: 'pause', run: () => void act('/api/queue/pause') },
    { name: 'resume', run: () => void act('/api/queue/resume') },
    { name: 'load', run: () => void loadModel(client) },
    { name: 'unload', run: () => void unloadModel(client) },
    { name: 'themeLight', run: () => setPrefs({ theme: 'light' }) },
    { name: 'themeDark', run: () => setPrefs({ theme: 'dark' }) },
    { name: 'themeSystem', run: () => setPrefs({ theme: 'system' }) },
    { name: 'preferences', run: () => setUi({ preferences: true }) },
    { name: 'keys', run: () => setUi({ keys: true }) },
  ];
}

export const lettersOn = (): boolean => usePrefs.getState().letterKeys;
