// Generating: what stands in its way, the question about errors, and what the server says.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { ApiError } from '@/api/client';
import { modelQuery, queueQuery } from '@/api/queries';
import { announce, setUi, useUi } from '@/app/ui-state';
import { useDocument } from '@/document/store';
import { lintItem, lintNow } from '@/document/use-lint';
import { useT, words } from '@/i18n';
import { confirm } from '@/ui/confirm';
import { toast } from '@/ui/toasts';
import type { GenerateWish } from './actions';
import { clearFieldErrors, showFieldErrors } from './field-errors';
import { enqueue, seedOf } from './generate';
import { isUsed, markUsed } from './settings/seed';

const QUESTIONS_MAX = 8;

export interface Generate {
  reason: string | null; // why not
  isSending: boolean;
  isLoaded: boolean;
  isBusy: boolean; // jobs wait or run
  run: (wish: GenerateWish & { repeat?: number }) => Promise<void>;
  error: string | null; // of the last try
}

export function useGenerate(promptId: number | null): Generate {
  const t = useT().settings;
  const client = useQueryClient();
  const { data: queue } = useQuery(queueQuery);
  const { data: model } = useQuery(modelQuery);
  const reachable = useUi((s) => s.reachable);
  const hasError = useDocument((s) => s.error !== null);
  const seed = useDocument((s) => s.doc.settings.seed);
  const isEmpty = useDocument(
    ({ good: { caption: c } }) =>
      c.hld.trim() === '' && c.background.trim() === '' && c.elements.every((e) => e.desc.trim() === '' && e.text.trim() === ''),
  );
  const allowed = useRef<string | null>(null); // the text whose errors were accepted
  const sending = useRef(false);
  const [isSending, setSending] = useState(false); // no reason: the button must stay the same one
  const [error, setError] = useState<string | null>(null);

  const reason = hasError
    ? t.reasonText
    : seedOf(seed) === null
      ? t.reasonSeed
      : isEmpty
        ? t.reasonEmpty
        : !reachable
          ? t.reasonGateway
          : null;

  const failed = useCallback(
    (e: unknown) => {
      if (!(e instanceof ApiError)) {
        setError(t.failed(e instanceof Error ? e.message : String(e)));
        return;
      }
      showFieldErrors(e);
      const body = e.body as { limit?: unknown } | null;
      const isFull = e.code === 'queue_full';
      const text = isFull ? t.queueFull(Number(body?.limit ?? 0)) : t.failed(e.message);
      setError(text);
      toast({
        kind: 'bad',
        text,
        group: 'enqueue',
        action: isFull ? { label: t.openQueue, run: () => setUi({ queueOpen: true, tab: 'queue' }) } : undefined,
      });
    },
    [t],
  );

  const run = useCallback(
    async (wish: GenerateWish & { repeat?: number }) => {
      if (sending.current) return;
      const { doc, key } = useDocument.getState();
      const errors = lintNow(doc).filter((finding) => finding.level === 'error');
      sending.current = true;
      try {
        if (errors.length > 0 && allowed.current !== doc.text) {
          const yes = await confirm({
            title: t.askErrors,
            text: t.askErrorsText(errors.length),
            items: [...new Set(errors.map((e) => lintItem(e, words().lint).text))].slice(0, QUESTIONS_MAX),
            yes: t.sendAnyway,
          });
          if (!yes) return;
          allowed.current = doc.text;
        }
        setSending(true);
        setError(null);
        clearFieldErrors();
        const used = isUsed(key, doc.settings.seed);
        const jobs = await enqueue(client, {
          promptId: wish.newEntry ? null : promptId,
          next: wish.next,
          repeat: wish.repeat,
          newSeed: wish.seed === 'new' || (wish.seed !== 'same' && used),
        });
        const now = useDocument.getState();
        if (now.key === key) markUsed(key, now.doc.settings.seed);
        announce(t.added(jobs.length));
      } catch (e) {
        failed(e);
      } finally {
        sending.current = false;
        setSending(false);
      }
    },
    [client, failed, promptId, t],
  );

  return {
    reason,
    isSending,
    isLoaded: model?.state === undefined || model.state === 'loaded',
    isBusy: (queue?.running?.length ?? 0) + (queue?.pending?.length ?? 0) > 0,
    run,
    error,
  };
}
