// The stream of events. HTTP/1.1 allows six connections to an origin, so that only one tab of a
// profile holds the stream and tells the others over a channel: the one that has the lock, or,
// where there are no locks (plain HTTP from another device), every tab for itself.
import type { Job, ModelStatus } from './types';

export interface Events {
  queue: { revision: number; paused: boolean; blocked: unknown; running: number[]; pending: number[] };
  job: Job;
  preview: { job_id: number; step: number; steps: number };
  image: { change: string; ids: number[] | null; prompt_id: number | null };
  model: ModelStatus;
  lora: unknown;
  hello: { version: string; revision: number };
  resync: Record<string, never>;
  /** Ours: whether events arrive. */
  live: { on: boolean };
}
export type EventKind = keyof Events;

type Listener = <K extends EventKind>(kind: K, data: Events[K]) => void;

const KINDS: EventKind[] = ['queue', 'job', 'preview', 'image', 'model', 'lora', 'hello', 'resync'];
const RETRY_MS = 2000;

export function listen(listener: Listener): () => void {
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('i4.events');
  const end = new AbortController();
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const tell = (kind: EventKind, data: unknown) => {
    listener(kind, data as never);
    if (source) channel?.postMessage({ kind, data });
  };

  const open = () => {
    if (end.signal.aborted) return;
    const stream = new EventSource('/api/events');
    source = stream;
    stream.onopen = () => tell('live', { on: true });
    stream.onerror = () => {
      tell('live', { on: false });
      // The browser tries again by itself, with the last id, unless the answer was a refusal.
      if (stream.readyState === EventSource.CLOSED) {
        stream.close();
        retry = setTimeout(open, RETRY_MS);
      }
    };
    for (const kind of KINDS) {
      stream.addEventListener(kind, (e) => tell(kind, JSON.parse((e as MessageEvent<string>).data)));
    }
  };

  if (channel) {
    channel.onmessage = (e: MessageEvent<{ kind: EventKind; data: unknown }>) => {
      if (!source) listener(e.data.kind, e.data.data as never);
    };
  }
  if (navigator.locks && channel) {
    navigator.locks
      .request('i4.events', { signal: end.signal }, () => {
        open();
        tell('resync', {}); // what happened between two holders is not known
        return new Promise<void>((done) => end.signal.addEventListener('abort', () => done()));
      })
      .catch(() => {});
  } else {
    open();
  }
  return () => {
    end.abort();
    clearTimeout(retry);
    source?.close();
    channel?.close();
  };
}
