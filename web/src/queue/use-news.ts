// Ties the news of the queue to the page: title, icon, what finished meanwhile.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { queueQuery } from '@/api/queries';
import type { Queue } from '@/api/types';
import { useT } from '@/i18n';
import { seeAll, seeEntry, useFresh } from './fresh';
import { jobLabel } from './labels';
import { onQueue, setGoTo, tellAway } from './news';
import { steadyFraction } from './progress';
import { runningTitle, setIcon, setTitle } from './title';

const TITLE_MAX = 60;

function useTabProgress(queue: Queue | undefined): void {
  const t = useT().queue;
  const job = queue?.running.find((j) => j.origin !== 'direct') ?? queue?.running[0];
  const fraction = job ? steadyFraction(job) : null;
  const percent = fraction === null ? null : Math.floor(fraction * 100);
  const label = job ? jobLabel(job, t.untitled).slice(0, TITLE_MAX) : '';
  useEffect(() => {
    setTitle(percent === null ? null : runningTitle(percent, label));
    setIcon(percent);
  }, [percent, label]);
  useEffect(
    () => () => {
      setTitle(null);
      setIcon(null);
    },
    [],
  );
}

/** The library shows all that came, an entry its own. */
function useSeen(): void {
  const path = useRouterState({ select: (s) => s.location.pathname });
  const fresh = useFresh((s) => s.list);
  useEffect(() => {
    if (fresh.length === 0) return;
    const entry = /^\/history\/(\d+)$/.exec(path);
    if (path === '/library') seeAll();
    else if (entry) seeEntry(Number(entry[1]));
  }, [path, fresh]);
}

export function useNews(): void {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: queue } = useQuery(queueQuery);
  useTabProgress(queue);
  useSeen();
  useEffect(() => {
    setGoTo((goal) => {
      if (goal === 'library') void navigate({ to: '/library' });
      else if (goal.prompt !== null)
        void navigate({ to: '/history/$promptId', params: { promptId: goal.prompt } });
      else if (goal.image !== null) void navigate({ to: '/library', search: { image: goal.image, flag: 'any' } });
    });
  }, [navigate]);
  useEffect(() => {
    if (queue) onQueue(client, queue);
  }, [client, queue]);
  useEffect(() => {
    const look = () => {
      const now = client.getQueryData<Queue>(queueQuery.queryKey);
      if (!document.hidden && now) tellAway(now);
    };
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [client]);
}
