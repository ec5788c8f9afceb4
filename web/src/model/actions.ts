// Loading and unloading the model, from its panel and from commands.
import type { QueryClient } from '@tanstack/react-query';
import { call } from '@/api/client';
import { keys, modelQuery } from '@/api/queries';
import type { ModelStatus } from '@/api/types';
import { words } from '@/i18n';
import { confirm } from '@/ui/confirm';
import { toast } from '@/ui/toasts';

const UNLOAD_SECONDS = 120;

const why = (e: unknown): string => (e instanceof Error ? e.message : String(e));

/** The sentence of an answer that says no although its status says yes. */
function refusal(answer: { ok?: boolean; error?: string; msg?: string } | null): string | null {
  if (typeof answer !== 'object' || answer === null) return null;
  if (typeof answer.error === 'string' && answer.error !== '') return answer.error;
  return answer.ok === false ? (answer.msg ?? '') : null;
}

export async function loadModel(client: QueryClient): Promise<string | null> {
  client.setQueryData<ModelStatus>(modelQuery.queryKey, (s) => s && { ...s, state: 'loading', last_error: null });
  try {
    const no = refusal(await call('/api/model/load', { body: {} }));
    // Jobs that wait for the model are looked at again at once.
    await call('/api/queue/resume', { body: {} }).catch(() => {});
    return no;
  } catch (e) {
    toast({ kind: 'bad', text: `${words().model.loadFailed}: ${why(e)}`, group: 'model' });
    return why(e);
  } finally {
    void client.invalidateQueries({ queryKey: keys.model });
  }
}

export async function unloadModel(client: QueryClient): Promise<void> {
  const t = words().model;
  const yes = await confirm({ title: t.askUnload, text: t.askUnloadText, yes: t.unload });
  if (!yes) return;
  try {
    const no = refusal(await call('/api/model/unload', { body: {}, seconds: UNLOAD_SECONDS }));
    if (no !== null) toast({ kind: 'bad', text: t.unloadFailed(no), group: 'model' });
  } catch (e) {
    toast({ kind: 'bad', text: t.unloadFailed(why(e)), group: 'model' });
  } finally {
    void client.invalidateQueries({ queryKey: keys.model });
  }
}

export async function setIdle(client: QueryClient, minutes: number): Promise<void> {
  try {
    const answer = await call<{ idle_unload?: ModelStatus['idle_unload'] }>('/api/model/idle', { body: { minutes } });
    client.setQueryData<ModelStatus>(modelQuery.queryKey, (s) => s && { ...s, idle_unload: answer.idle_unload ?? null });
  } catch (e) {
    toast({ kind: 'bad', text: words().model.idleFailed(why(e)), group: 'model' });
  } finally {
    void client.invalidateQueries({ queryKey: keys.model });
  }
}
