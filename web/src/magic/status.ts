// Whether Magic Prompt can be used.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { ApiError, call } from '@/api/client';

interface MagicStatus {
  enabled?: boolean;
  configured?: boolean;
  provider?: string | null;
  model?: string | null;
  missing_env?: string[] | null;
  llm_reachable?: boolean | null;
  llm_error?: string | null;
}

/** off: nobody asked for it; all others mean that somebody did. */
export type Magic =
  | { state: 'asking' | 'off' | 'unknown' }
  | { state: 'ready'; model: string }
  | { state: 'incomplete'; missing: string[] }
  | { state: 'unreachable'; why: string };

export const magicQuery = queryOptions({
  queryKey: ['magic'],
  // A gateway without the route has no Magic Prompt: that is no error.
  queryFn: () =>
    call<MagicStatus>('/api/magic-prompt/status').catch((e: unknown): MagicStatus => {
      if (e instanceof ApiError && e.status === 404) return { enabled: false };
      throw e;
    }),
  retry: 1,
});

export function readMagic(status: MagicStatus | undefined, isFailed: boolean): Magic {
  if (!status) return { state: isFailed ? 'unknown' : 'asking' };
  if (!status.enabled) return { state: 'off' };
  if (!status.configured) return { state: 'incomplete', missing: status.missing_env ?? [] };
  if (status.llm_reachable === false) return { state: 'unreachable', why: status.llm_error ?? '' };
  return { state: 'ready', model: status.model ?? '' };
}

export function useMagic(): Magic & { refetch: () => void } {
  const { data, isError, refetch } = useQuery(magicQuery);
  return { ...readMagic(data, isError), refetch: () => void refetch() };
}
