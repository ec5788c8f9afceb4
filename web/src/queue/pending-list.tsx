// What waits, in its order, and the moving of it.
import { useQueryClient } from '@tanstack/react-query';
import { startTransition, useEffect, useMemo, useState } from 'react';
import type { Queue } from '@/api/types';
import { announce } from '@/app/ui-state';
import { useT } from '@/i18n';
import { moveJobs } from './actions';
import { BatchRow } from './batch-row';
import { jobLabel, doneText } from './labels';
import { moved, placeOf, rowsOf, unitsOf, type Unit } from './order';
import { useReorder } from './reorder';
import { QueueRow } from './row';
import { useFinishTimes } from './use-finish';

const FIRST_ROWS = 30;

interface Props {
  queue: Queue;
  runningLeft: number | null;
  isOpen: (batch: string) => boolean;
  onToggle: (batch: string) => void;
}

export function PendingList({ queue, runningLeft, isOpen, onToggle }: Props) {
  const t = useT().queue;
  const client = useQueryClient();
  const pending = queue.pending;
  const units = useMemo(() => unitsOf(pending, isOpen), [pending, isOpen]);
  const keys = useMemo(() => units.map((u) => u.key), [units]);
  const times = useFinishTimes(queue, runningLeft);
  const nameOf = (unit: Unit | undefined) => {
    const label = unit?.jobs[0] ? jobLabel(unit.jobs[0], t.untitled) : t.untitled;
    return unit?.isBatch ? t.batch(unit.jobs.length, label) : label;
  };
  const { held, listRef, handle } = useReorder({
    keys,
    onDrop: (from, to) => {
      const place = placeOf(units, from, to);
      const unit = units[from];
      if (place && unit) void moveJobs(client, unit.jobs.map((j) => j.id), place);
    },
    say: (what, key, place) => {
      const name = nameOf(units.find((u) => u.key === key));
      const n = keys.length;
      if (what === 'grabbed') announce(t.grabbed(name, place + 1, n));
      else if (what === 'at') announce(t.atPlace(place + 1, n));
      else if (what === 'dropped') announce(t.dropped(name, place + 1, n));
      else announce(t.moveCancelled);
    },
  });
  const order = held ? moved(keys, held.from, held.to) : keys;
  // A long list opens with its beginning; the rest follows without holding up what one does.
  const [isWhole, setWhole] = useState(false);
  useEffect(() => startTransition(() => setWhole(true)), []);
  const rows = rowsOf(pending, isOpen).slice(0, isWhole ? undefined : FIRST_ROWS);
  const waitsForOther = queue.blocked?.code === 'slot_busy';
  const index = new Map(pending.map((j, i) => [j.id, i]));
  // Two numbers a unit, so that the heading of an open batch stands before its first job.
  // Always said, so that picking a row up changes none of the others.
  const places = new Map(order.map((key, i) => [key, i * 2]));
  const orderOf = (key: string, heading = false) => (places.get(key) ?? 0) + (heading ? 0 : 1);
  return (
    <ul ref={listRef} className="flex flex-col" aria-label={t.list}>
      {rows.map((row) => {
        const first = row.kind === 'batch' ? row.jobs[0] : row.job;
        if (!first) return null;
        if (row.kind === 'batch') {
          const key = row.open ? `j${first.id}` : `b${first.id}`;
          return (
            <BatchRow
              key={`b${first.id}`}
              jobs={row.jobs}
              open={row.open}
              onToggle={() => onToggle(row.batch)}
              handle={row.open ? null : handle(key)}
              isHeld={!row.open && held?.key === key}
              order={orderOf(key, true)}
            />
          );
        }
        const key = `j${first.id}`;
        const at = index.get(first.id) ?? 0;
        const seconds = times.get(first.id);
        return (
          <QueueRow
            key={key}
            job={first}
            handle={handle(key)}
            isHeld={held?.key === key}
            order={orderOf(key)}
            inBatch={row.inBatch}
            waitsForOther={waitsForOther && at === 0}
            stuck=""
            before={pending[at - 1]?.id ?? null}
            after={pending[at + 1]?.id ?? null}
            doneAt={seconds === undefined ? '' : doneText(t, seconds)}
          />
        );
      })}
    </ul>
  );
}
