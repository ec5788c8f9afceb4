// Ties the news of the queue to the page: title, icon, what finished meanwhile.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { queueQuery } from '@/api/queries';
import type { Queue } from '@/api/types';
import { useT } from '@/i18n';
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

export function useNews(): void {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: queue } = useQuery(queueQuery);
  useTabProgress(queue);
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
