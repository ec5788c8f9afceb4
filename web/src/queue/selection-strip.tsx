// What can be done with the selected jobs of the queue, in place of its usual tools.
import { useQueryClient } from '@tanstack/react-query';
import { ArrowDownToLine, ArrowUpToLine, Columns2, RotateCw, X } from 'lucide-react';
import type { Queue } from '@/api/types';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { Menu } from '@/ui/menu';
import { COMPARE_MAX, openCompare } from '@/viewer/compare-state';
import { drawAgainAll, dropSelected, moveJobs } from './actions';
import { endSelecting, setSelected, useSelecting } from './selection';

interface Props {
  queue: Queue;
  all: number[]; // what the list shows
  onLeave: () => void;
}

export function SelectionStrip({ queue, all, onLeave }: Props) {
  const t = useT().queue;
  const client = useQueryClient();
  const ids = useSelecting((s) => s.ids);
  const mine = [...queue.running, ...queue.pending, ...queue.finished].filter((job) => ids.has(job.id));
  const pending = mine.filter((job) => job.state === 'pending');
  const active = mine.filter((job) => job.state === 'pending' || job.state === 'running');
  const ended = mine.length - active.length;
  const images = mine.flatMap((job) => (job.image_id === null ? [] : [job.image_id]));
  const leave = () => {
    endSelecting();
    onLeave();
  };
  const move = (at: 'next' | 'end') => void moveJobs(client, pending.map((job) => job.id), { at });
  const noneWaits = pending.length === 0 && t.selectWaiting;
  return (
    <div
      role="toolbar"
      aria-label={t.selection}
      data-testid="queue-selection"
      className="flex flex-wrap items-center gap-1 border-b border-line bg-accent-soft px-3 py-1.5"
    >
      <IconButton size="small" label={t.selectLeave} keys="Esc" onClick={leave}>
        <X size={15} />
      </IconButton>
      <span role="status" className="px-1 text-control font-medium whitespace-nowrap">
        {t.selected(mine.length)}
      </span>
      {mine.length < all.length && (
        <Button size="small" look="quiet" onClick={() => setSelected(all, true)}>
          {t.selectAll(all.length)}
        </Button>
      )}
      <span className="flex-1" />
      <IconButton size="small" label={t.runNext} reason={noneWaits} onClick={() => move('next')}>
        <ArrowUpToLine size={15} />
      </IconButton>
      <IconButton size="small" label={t.runLast} reason={noneWaits} onClick={() => move('end')}>
        <ArrowDownToLine size={15} />
      </IconButton>
      <IconButton
        size="small"
        label={t.compare}
        reason={(images.length < 2 || images.length > COMPARE_MAX) && t.compareCount(COMPARE_MAX)}
        onClick={() => openCompare(images)}
      >
        <Columns2 size={15} />
      </IconButton>
      <Menu
        trigger={
          <Button size="small" look="quiet" aria-label={t.drawSelected} disabled={mine.length === 0} className="aspect-square px-0! pointer-coarse:min-w-11">
            <RotateCw size={14} />
          </Button>
        }
        items={[
          { label: t.again, run: () => void drawAgainAll(client, mine, 'same') },
          { label: t.againNew, run: () => void drawAgainAll(client, mine, 'new') },
        ]}
      />
      <Button
        size="small"
        className="ms-1 max-tablet:flex-1"
        disabled={mine.length === 0}
        onClick={() => {
          leave();
          void dropSelected(client, mine);
        }}
      >
        {active.length === 0 ? t.removeMany(ended) : ended === 0 ? t.cancelMany(active.length) : t.dropMany(mine.length)}
      </Button>
    </div>
  );
}
