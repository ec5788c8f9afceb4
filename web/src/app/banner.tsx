// What is wrong with the connection, at the place where one looks for what goes on.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { modelQuery, queueQuery } from '@/api/queries';
import { tryNow } from '@/queue/actions';
import { copyText } from '@/lib/clipboard';
import { useT } from '@/i18n';
import { useEngineGone } from '@/model/reach';
import { Button } from '@/ui/button';
import { useUi } from './ui-state';

const START = './run.sh';
const PAUSE_MAX = 30;

/** Asks again after 1, 2, 4 … 30 seconds; the seconds left. */
function useRetry(active: boolean): { left: number; now: () => void } {
  const client = useQueryClient();
  const [pause, setPause] = useState(1);
  const [left, setLeft] = useState(1);
  useEffect(() => {
    if (!active) {
      setPause(1);
      setLeft(1);
      return;
    }
    const timer = setInterval(() => {
      setLeft((l) => {
        if (l > 1) return l - 1;
        void client.refetchQueries({ queryKey: queueQuery.queryKey });
        const next = Math.min(PAUSE_MAX, pause * 2);
        setPause(next);
        return next;
      });
    }, 1000);
    return () => clearInterval(timer);
  }, [active, client, pause]);
  const now = () => {
    for (const { queryKey } of [queueQuery, modelQuery]) void client.refetchQueries({ queryKey });
  };
  return { left, now };
}

export function Banner() {
  const t = useT();
  const reachable = useUi((s) => s.reachable);
  const live = useUi((s) => s.live);
  const retry = useRetry(!reachable);
  const daemonGone = useEngineGone() && reachable;
  const client = useQueryClient();
  const { data: queue } = useQuery(queueQuery);
  const diskFull = queue?.blocked?.code === 'disk_full' ? queue.blocked.error : null;
  if (reachable && !daemonGone && live && diskFull === null) return null;
  return (
    <div
      data-testid="banner"
      role="alert"
      className="flex shrink-0 flex-wrap items-center gap-x-3 gap-y-1 bg-warn-soft px-4 py-2 text-control text-text"
    >
      {!reachable ? (
        <>
          <span>{t.app.gatewayGone}</span>
          <span className="num text-text-2">{t.app.retryIn(retry.left)}</span>
          <Button size="small" onClick={retry.now}>
            {t.app.retryNow}
          </Button>
        </>
      ) : daemonGone ? (
        <>
          <span>{t.app.daemonGone}</span>
          <code className="num">{START}</code>
          <Button size="small" onClick={() => void copyText(START)}>
            {t.ui.copy}
          </Button>
          <Button size="small" onClick={retry.now}>
            {t.app.retryNow}
          </Button>
        </>
      ) : diskFull !== null ? (
        <>
          <span>{t.queue.diskFull}</span>
          <span className="text-text-2">{diskFull}</span>
          <Button size="small" onClick={() => void tryNow(client)}>
            {t.queue.tryNow}
          </Button>
        </>
      ) : (
        <span>{t.app.liveOff}</span>
      )}
    </div>
  );
}
