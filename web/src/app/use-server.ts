// The page's tie to the server: events into the cache, and whether anybody answers.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { onReach } from '@/api/client';
import { follow } from '@/api/live';
import { queueQuery } from '@/api/queries';
import { onJobChange } from '@/queue/news';
import { setUi, useUi } from './ui-state';

const POLL_MS = 2000;

export function useServer(): void {
  const client = useQueryClient();
  const live = useUi((s) => s.live);
  useEffect(
    () =>
      follow(client, {
        onJob: (job, before) => onJobChange(client, job, before),
        onLive: (on) => setUi({ live: on }),
      }),
    [client],
  );
  useEffect(() => onReach((reachable) => setUi({ reachable })), []);
  // Without events the queue is asked.
  useQuery({ ...queueQuery, refetchInterval: live ? false : POLL_MS });
}
