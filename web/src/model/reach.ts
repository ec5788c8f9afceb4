// Whether the drawing engine answers, also while no job wants it: the gateway then tells a model's
// state of its own, without what only the engine knows.
import { useQuery } from '@tanstack/react-query';
import { modelQuery, queueQuery } from '@/api/queries';
import type { ModelStatus, Queue } from '@/api/types';

export function isEngineGone(queue: Queue | undefined, model: ModelStatus | undefined): boolean {
  return queue?.blocked?.code === 'daemon_unreachable' || (model !== undefined && !('last_error' in model));
}

export function useEngineGone(): boolean {
  const { data: queue } = useQuery(queueQuery);
  const { data: model } = useQuery(modelQuery);
  return isEngineGone(queue, model);
}
