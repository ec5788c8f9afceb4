// Which document is in the editor: the draft of the blank editor, or that of an entry; where there
// is no draft, the entry as it is stored. One change of documents at a time.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { ApiError } from '@/api/client';
import { capabilitiesQuery, entryQuery } from '@/api/queries';
import { setPrefs } from '@/app/prefs';
import { setUi } from '@/app/ui-state';
import { NO_DRAFT, loadDraft, saveNow, takePreferred, type StoredDraft } from '@/document/drafts';
import { EMPTY_DOC, useDocument, type DraftKey } from '@/document/store';
import { words } from '@/i18n';
import { takeTroubles } from '@/lib/storage';
import { toast } from '@/ui/toasts';
import { takeOldForm } from './moving';
import { markUsed } from './settings/seed';
import { docOfRow, openStored } from './stored';

export const draftKey = (promptId: number | null): DraftKey => (promptId === null ? 'new' : String(promptId));

let opened: DraftKey | null = null; // which document the store holds
// Until then nothing that happens to the store is anybody's draft.
useDocument.setState({ key: NO_DRAFT });
let turn: Promise<unknown> = Promise.resolve();

export const isOpened = (key: DraftKey): boolean => opened === key && useDocument.getState().key === key;

function openBlank(isQuiet: boolean): void {
  const before = takeOldForm();
  if (!before) {
    useDocument.getState().open('new', EMPTY_DOC);
    return;
  }
  openStored('new', before);
  if (before.broken) setPrefs({ mode: 'json' });
  if (!isQuiet) toast({ kind: 'info', text: words().tools.moved, group: 'moved' });
}

/** A draft whose text is broken shows the last state that was not. */
function openDraft(key: DraftKey, { doc, past }: StoredDraft): void {
  const { open } = useDocument.getState();
  open(key, doc, past);
  if (useDocument.getState().error === null) return;
  for (const step of past.toReversed()) {
    open(key, step.doc);
    const { good, error } = useDocument.getState();
    if (error !== null) continue;
    open(key, doc, past);
    useDocument.setState({ good });
    return;
  }
  open(key, doc, past);
}

/** Opens a draft; `row` gives the stored form of an entry that has none. */
export function openDocument(key: DraftKey, row?: () => Promise<string>): Promise<void> {
  const next = turn.then(async () => {
    if (isOpened(key)) return;
    if (opened !== null) await saveNow();
    const draft = await loadDraft(key);
    const hasTrouble = takeTroubles().length > 0;
    if (hasTrouble) toast({ kind: 'info', text: words().app.storageReset, group: 'storage' });
    if (draft) openDraft(key, draft);
    else if (!row) openBlank(hasTrouble);
    else {
      const stored = docOfRow(await row());
      if (stored) openStored(key, stored);
      else useDocument.getState().open(key, EMPTY_DOC);
      if (stored?.broken) setPrefs({ mode: 'json' });
      // The seed of a stored row made its picture already.
      markUsed(key, stored?.doc.settings.seed ?? '');
    }
    opened = key;
    setUi({ selection: [] });
  });
  turn = next.catch(() => undefined);
  return next;
}

export type Opening =
  | { state: 'opening' }
  | { state: 'open' }
  | { state: 'missing' }
  | { state: 'failed'; why: string; retry: () => void };

/** Keeps the editor at the document of an address. */
export function useOpen(promptId: number | null): Opening {
  const client = useQueryClient();
  const navigate = useNavigate();
  const key = draftKey(promptId);
  const inStore = useDocument((s) => s.key);
  const [result, setResult] = useState<{ key: DraftKey; state: 'open' | 'missing' } | { key: DraftKey; state: 'failed'; why: string }>();
  const [attempt, setAttempt] = useState(0);
  const { error, data: entry } = useQuery({ ...entryQuery(promptId ?? -1), enabled: promptId !== null && promptId > 0 });

  useEffect(() => {
    let isWanted = true;
    const row = promptId === null ? undefined : async () => (await client.fetchQuery(entryQuery(promptId))).form_json;
    if (promptId !== null && promptId <= 0) {
      setResult({ key, state: 'missing' });
      return;
    }
    openDocument(key, row).then(
      () => isWanted && setResult({ key, state: 'open' }),
      (e: unknown) => {
        if (!isWanted) return;
        const isMissing = e instanceof ApiError && e.status === 404;
        const why = e instanceof Error ? e.message : String(e);
        setResult(isMissing ? { key, state: 'missing' } : { key, state: 'failed', why });
      },
    );
    return () => {
      isWanted = false;
    };
  }, [attempt, client, key, promptId]);

  // Deleted: a page that opens says so; an open one goes to the blank editor (D18).
  const isGone = error instanceof ApiError && error.status === 404;
  useEffect(() => {
    if (!isGone || entry === undefined) return;
    toast({ kind: 'info', text: words().tools.entryGone, group: 'entry-gone' });
    void navigate({ to: '/' });
  }, [entry, isGone, navigate]);

  if (isGone) return { state: 'missing' };
  if (result?.key !== key) return { state: 'opening' };
  if (result.state === 'failed') {
    return { state: 'failed', why: result.why, retry: () => setAttempt((n) => n + 1) };
  }
  if (result.state === 'missing') return { state: 'missing' };
  return inStore === key ? { state: 'open' } : { state: 'opening' };
}

/** A document that nobody set anything in takes what the server prefers. */
export function useServerDefaults(): void {
  const { data } = useQuery(capabilitiesQuery);
  const settings = useDocument((s) => s.doc.settings);
  const isThere = useDocument((s) => s.key !== NO_DRAFT);
  useEffect(() => {
    if (isThere) takePreferred(data);
  }, [data, isThere, settings]);
}
