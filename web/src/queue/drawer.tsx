// The opened queue: what is drawn, what waits, what has ended, and the means to steer it.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react';
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
import { stuckWord } from './labels';
import { PendingList } from './pending-list';
import { orderIn } from './pick';
import { QueueRow } from './row';
import { useRefused } from './refused';
import { RefusedRow } from './refused-row';
import { beginSelecting, endSelecting, selectTo, setSelected, useSelecting } from './selection';
import { SelectionStrip } from './selection-strip';

type Filter = 'all' | 'pending' | 'done';
const OPEN_BATCH_MAX = 4; // larger ones start folded

/** Ended jobs worth a row: those taken out before they began left nothing to show. */
export function shownFinished(finished: Job[]): Job[] {
  return finished.filter((j) => j.state !== 'cancelled' || j.started_at !== null);
}

interface JobListProps {
  jobs: Job[];
  stuck?: string;
  isOpen?: (batch: string) => boolean;
  onToggle?: (batch: string) => void;
}

function JobList({ jobs, stuck = '', isOpen, onToggle }: JobListProps) {
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
            stuck={stuck}
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
        <Button size="small" look="quiet" data-testid="queue-select" disabled={active + finished === 0} onClick={() => beginSelecting()}>
          {t.queue.select}
        </Button>
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
          { label: t.queue.selectSeveral, disabled: active + finished === 0, run: () => beginSelecting() },
          null,
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
  const isSelecting = useSelecting((s) => s.isOn);
  const shown = [...(showsActive ? [...queue.running, ...pending] : []), ...(showsDone ? finished : [])].map((j) => j.id);
  useEffect(() => endSelecting, []);
  useEffect(() => {
    if (!isSelecting) return;
    const { anchor } = useSelecting.getState();
    const boxes = [...(ref.current?.querySelectorAll<HTMLElement>('[data-picks]') ?? [])];
    (boxes.find((box) => Number(box.dataset.picks) === anchor) ?? boxes[0])?.focus({ preventScroll: anchor !== null });
  }, [isSelecting]);
  const toTools = () =>
    requestAnimationFrame(() => ref.current?.querySelector<HTMLElement>('[role="radio"][aria-checked="true"], [aria-pressed="true"], button')?.focus());
  // With Ctrl, Cmd or Shift a press on a row begins to select.
  const begin = (e: MouseEvent<HTMLElement>) => {
    if (isSelecting || !(e.ctrlKey || e.metaKey || e.shiftKey)) return;
    const id = Number((e.target as Element).closest<HTMLElement>('[data-testid="queue-row"]')?.dataset.id);
    if (!shown.includes(id)) return;
    e.preventDefault();
    e.stopPropagation();
    beginSelecting([id]);
  };
  const keyDown = (e: KeyboardEvent<HTMLElement>) => {
    if (!isSelecting || e.defaultPrevented) return;
    if (e.key === 'Escape') {
      endSelecting();
      toTools();
    } else if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'a') {
      setSelected(shown, true);
    } else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      const boxes = [...e.currentTarget.querySelectorAll<HTMLElement>('[data-picks]')];
      const box = boxes[boxes.indexOf(document.activeElement as HTMLElement) + (e.key === 'ArrowDown' ? 1 : -1)];
      if (!box) return;
      box.focus();
      const id = Number(box.dataset.picks?.split(',').at(-1));
      if (e.shiftKey) selectTo(orderIn(e.currentTarget), id);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const isEmpty =
    (!showsActive || (queue.pending.length === 0 && queue.running.length === 0)) &&
    (!showsDone || finished.length + refused.length === 0);
  return (
    <div ref={ref} onKeyDown={keyDown} onClickCapture={begin} role="presentation" className="flex min-h-0 flex-1 flex-col">
      {isSelecting ? (
        <SelectionStrip queue={queue} all={shown} onLeave={toTools} />
      ) : (
        <Tools queue={queue} finished={finished.length} filter={filter} onFilter={setFilter} />
      )}
      <BlockedLine queue={queue} />
      <div data-scroller className="scroll-thin min-h-0 flex-1 overflow-y-auto overscroll-contain">
        {showsActive && <JobList jobs={queue.running} stuck={stuckWord(t, queue.blocked)} />}
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
