// Enlarging a picture, where the server can: asked once whether it can, then followed to its end.
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { ApiError, call } from '@/api/client';
import { keys } from '@/api/queries';
import { words } from '@/i18n';
import { because } from '@/queue/actions';
import { toast } from '@/ui/toasts';

export interface UpscaleStatus {
  configured: boolean;
  available_presets: string[];
  error?: string | null;
}

interface Task {
  state: string;
  msg?: string;
  progress?: number | null;
  error?: string | null;
  image?: { id: number } | null;
}

export const upscaleQuery = queryOptions({
  queryKey: ['upscale'],
  queryFn: () => call<UpscaleStatus>('/api/upscale/status'),
  staleTime: Infinity,
  retry: false,
});

export const SCALES = [2, 4] as const;
const BUSY_TRIES = 8;
const BUSY_MS = 750;
const POLL_MS = 1000;
const POLLS_MAX = 600;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function begin(image_id: number, scale: number, preset: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await call<{ task_id: string }>('/api/upscale', { body: { image_id, scale, preset } })).task_id;
    } catch (e) {
      if (!(e instanceof ApiError) || e.status !== 409) throw e;
      if (attempt >= BUSY_TRIES) throw new Error(words().viewer.upscaleBusy);
      await pause(BUSY_MS);
    }
  }
}

/** The share as a whole percentage; servers say it as 0…1 or 0…100. */
export function percentOf(progress: number | null | undefined): number | null {
  if (progress == null || !Number.isFinite(progress)) return null;
  return Math.round(Math.min(100, progress <= 1 ? progress * 100 : progress));
}

async function follow(task: string, group: string): Promise<void> {
  let told = -1;
  for (let i = 0; i < POLLS_MAX; i++) {
    const now = await call<Task>(`/api/upscale/${task}`);
    if (now.error) throw new Error(now.error);
    if (now.image || now.state === 'done') return;
    const percent = percentOf(now.progress);
    const ten = Math.floor((percent ?? 0) / 10);
    if (ten > told) {
      told = ten;
      toast({ kind: 'info', text: words().viewer.upscaling(percent), group });
    }
    await pause(POLL_MS);
  }
  throw new Error(words().viewer.upscaleTime);
}

export async function upscale(
  client: QueryClient,
  image: number,
  scale: number,
  preset: string,
  show: (() => void) | null,
): Promise<void> {
  const t = words().viewer;
  const group = `upscale-${image}`;
  toast({ kind: 'info', text: t.upscaling(null), group });
  try {
    await follow(await begin(image, scale, preset), group);
    void client.invalidateQueries({ queryKey: keys.library });
    const action = show ? { label: words().ui.show, run: show } : undefined;
    toast({ kind: 'ok', text: t.upscaled, group, action });
  } catch (e) {
    toast({ kind: 'bad', text: t.upscaleFailed(because(e)), group });
  }
}
