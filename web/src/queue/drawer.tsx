// The opened queue: what is drawn, what waits, what has ended, and the means to steer it.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { Ellipsis } from 'lucide-react';
import type { Job, Queue } from '@/api/types';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Menu } from '@/ui/menu';
import { Segmented } from '@/ui/segmented';
import { cancelScope, clearFinished } from './actions';
import { BatchRow } from './batch-row';
import { BlockedLine } from './blocked-line';
import { useKeepFocus } from './keep-focus';
import { rowsOf } from './order';
import { PendingList } from './pending-list';
import { QueueRow } from './row';
import { useRefused } from './refused';
import { RefusedRow } from './refused-row';

type Filter = 'all' | 'pending' | 'done';
const OPEN_BATCH_MAX = 4; // larger ones start folded

/** Ended jobs worth a row: those taken out before they began left nothing to show. */
export function shownFinished(finished: Job[]): Job[] {
  return finished.filter((j) => j.state !== 'cancelled' || j.started_at !== null);
}

function JobList({ jobs, isOpen, onToggle }: { jobs: Job[]; isOpen?: (batch: string) => boolean; onToggle?: (batch: string) => void }) {
  const t = useT().queue;
  if (jobs.length === 0) return null;
  return (
    <ul className="flex flex-col" aria-label={t.list}>
      {rowsOf(jobs, isOpen ?? (() => true)).map((row) =>
        row.kind === 'batch' ? (
          onToggle && (
            <BatchRow
              key={`b${row.jobs[0]?.id}`}
              jobs={row.jobs}
              open={row.open}
              onToggle={() => onToggle(row.batch)}
              handle={null}
              isHeld={false}
              order={undefined}
            />
          )
        ) : (
          <QueueRow
            key={row.job.id}
            job={row.job}
            handle={null}
            isHeld={false}
            order={undefined}
            inBatch={row.inBatch && onToggle !== undefined}
            waitsForOther={false}
            before={null}
            after={null}
            doneAt=""
          />
        ),
      )}
    </ul>
  );
}

function Tools({ queue, finished, filter, onFilter }: { queue: Queue; finished: number; filter: Filter; onFilter: (f: Filter) => void }) {
  const t = useT();
  const client = useQueryClient();
  const active = queue.pending.length + queue.running.length;
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
      <Segmented
        label={t.queue.filters}
        value={filter}
        onChange={onFilter}
        className="max-tablet:flex-1 [&>button]:px-3 [&>button]:whitespace-nowrap max-tablet:[&>button]:px-1"
        choices={[
          { value: 'all', label: t.queue.filterAll(active + finished), testId: 'queue-filter-all' },
          { value: 'pending', label: t.queue.filterPending(active), testId: 'queue-filter-pending' },
          { value: 'done', label: t.queue.filterDone(finished), testId: 'queue-filter-done' },
        ]}
      />
      <span className="flex-1 max-tablet:hidden" />
      <span className="flex max-tablet:hidden">
        <Button size="small" look="quiet" disabled={queue.pending.length === 0} onClick={() => void cancelScope(client, 'pending')}>
          {t.queue.clearPending}
        </Button>
        <Button size="small" look="quiet" disabled={finished === 0} onClick={() => void clearFinished(client)}>
          {t.queue.clearFinished}
        </Button>
      </span>
      <Menu
        trigger={
          <Button size="small" look="quiet" aria-label={t.ui.more} className="aspect-square px-0! pointer-coarse:min-w-11">
            <Ellipsis size={15} />
          </Button>
        }
        items={[
          { label: t.queue.cancelCurrent, disabled: queue.running.length === 0, run: () => void cancelScope(client, 'current') },
          { label: t.queue.clearPending, disabled: queue.pending.length === 0, run: () => void cancelScope(client, 'pending') },
          { label: t.queue.clearFinished, disabled: finished === 0, run: () => void clearFinished(client) },
          null,
          { label: t.queue.cancelAll, isBad: true, disabled: active === 0, run: () => void cancelScope(client, 'all') },
        ]}
      />
    </div>
  );
}

export function QueueDrawer({ queue, runningLeft }: { queue: Queue; runningLeft: number | null }) {
  const t = useT().queue;
  const ref = useRef<HTMLDivElement>(null);
  useKeepFocus(ref);
  const [filter, setFilter] = useState<Filter>('all');
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const refused = useRefused((s) => s.list);
  const finished = shownFinished(queue.finished);
  const isOpenIn = (jobs: Job[], batch: string) =>
    (jobs.filter((j) => j.batch === batch).length <= OPEN_BATCH_MAX) !== toggled.has(batch);
  const pending = queue.pending;
  const pendingOpen = useCallback(
    (batch: string) => (pending.filter((j) => j.batch === batch).length <= OPEN_BATCH_MAX) !== toggled.has(batch),
    [pending, toggled],
  );
  const toggle = (batch: string) =>
    setToggled((s) => {
      const next = new Set(s);
      if (!next.delete(batch)) next.add(batch);
      return next;
    });
  const showsActive = filter !== 'done';
  const showsDone = filter !== 'pending';
  const isEmpty =
    (!showsActive || (queue.pending.length === 0 && queue.running.length === 0)) &&
    (!showsDone || finished.length + refused.length === 0);
  return (
    <div ref={ref} className="flex min-h-0 flex-1 flex-col">
      <Tools queue={queue} finished={finished.length} filter={filter} onFilter={setFilter} />
      <BlockedLine queue={queue} />
      <div data-scroller className="scroll-thin min-h-0 flex-1 overflow-y-auto overscroll-contain">
        {showsActive && <JobList jobs={queue.running} />}
        {showsDone && refused.length > 0 && (
          <ul aria-label={t.refused}>
            {refused.map((one) => (
              <RefusedRow key={one.key} refused={one} />
            ))}
          </ul>
        )}
        {showsActive && queue.pending.length > 0 && (
          <PendingList queue={queue} runningLeft={runningLeft} isOpen={pendingOpen} onToggle={toggle} />
        )}
        {showsDone && <JobList jobs={finished} isOpen={(batch) => isOpenIn(finished, batch)} onToggle={toggle} />}
        {isEmpty && (
          <div className="flex flex-col items-center gap-1 px-6 py-10 text-center">
            <p className="text-body font-medium">
              {filter === 'all' ? t.empty : filter === 'pending' ? t.emptyPending : t.emptyDone}
            </p>
            {filter === 'all' && <p className="text-control text-text-2">{t.emptyText}</p>}
          </div>
        )}
      </div>
    </div>
  );
}
