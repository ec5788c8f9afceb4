// Why nothing starts although jobs wait: one sentence and what can be done. What concerns more than
// the queue is said by the banner.
import { useQueryClient } from '@tanstack/react-query';
import type { Queue } from '@/api/types';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { dropJob, tryNow } from './actions';
import { blockedText } from './labels';

const BANNER: string[] = ['daemon_unreachable', 'disk_full'];

export function BlockedLine({ queue }: { queue: Queue }) {
  const t = useT().queue;
  const client = useQueryClient();
  const blocked = blockedText(t, queue.blocked);
  const mine = queue.running.find((j) => j.origin === 'queue' && j.phase === 'waiting') ?? queue.pending[0];
  if (!blocked || BANNER.includes(queue.blocked?.code ?? '')) return null;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-3 py-1.5 text-control">
      <p className="min-w-40 flex-1">{blocked.text}</p>
      {blocked.action === 'try' && (
        <Button size="small" onClick={() => void tryNow(client)}>
          {t.tryNow}
        </Button>
      )}
      {blocked.action === 'cancel' && mine && (
        <Button size="small" onClick={() => void dropJob(client, mine)}>
          {t.cancelMine}
        </Button>
      )}
    </div>
  );
}
