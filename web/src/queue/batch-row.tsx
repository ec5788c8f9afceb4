// The heading of a batch: repeats of one wish, folded into a line or shown below it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import clsx from 'clsx';
import { ChevronRight, GripVertical, X } from 'lucide-react';
import { jobQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { dropJobs } from './actions';
import { jobLabel } from './labels';
import { PickBox } from './pick';
import type { HandleProps } from './reorder';
import { useSelecting } from './selection';
import { JobThumb } from './thumb';
import { usePresetLabel } from './use-details';

interface Props {
  jobs: Job[];
  open: boolean;
  onToggle: () => void;
  handle: HandleProps | null;
  isHeld: boolean;
  order: number | undefined;
}

export function BatchRow({ jobs, open, onToggle, handle, isHeld, order }: Props) {
  const t = useT().queue;
  const client = useQueryClient();
  const preset = usePresetLabel();
  const first = jobs[0];
  const isSelecting = useSelecting((s) => s.isOn);
  const whole = useQuery({
    ...jobQuery(first?.id ?? -1),
    staleTime: 60_000,
    enabled: first !== undefined && first.image_id === null,
  });
  if (!first) return null;
  const label = t.batch(jobs.length, jobLabel(first, t.untitled, whole.data?.caption));
  const isPending = first.state === 'pending';
  const picture = jobs.find((j) => j.image_id !== null) ?? first;
  return (
    <li
      data-testid="queue-batch"
      data-unit={handle?.['data-reorder']}
      style={{ order }}
      className={clsx(
        'flex items-center gap-2 border-b border-line py-1.5 pe-2 ps-1',
        isSelecting && !open && 'relative select-none hover:bg-sunken',
        isHeld && 'relative z-10 bg-accent-soft outline-2 outline-accent',
      )}
    >
      {isSelecting && !open ? (
        <PickBox ids={jobs.map((j) => j.id)} label={label} />
      ) : handle ? (
        <button
          type="button"
          aria-label={t.moveHandle(label)}
          className="flex h-8 w-6 shrink-0 cursor-grab touch-none items-center justify-center rounded-control text-text-3 hover:text-text pointer-coarse:h-11 pointer-coarse:w-11"
          {...handle}
        >
          <GripVertical size={14} aria-hidden />
        </button>
      ) : (
        <span className="w-6 shrink-0 pointer-coarse:w-11" />
      )}
      <JobThumb job={picture} caption={whole.data?.caption} />
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className="z-2 flex min-h-8 min-w-0 flex-1 items-center gap-1 rounded-control text-start pointer-coarse:min-h-11"
      >
        <ChevronRight size={14} aria-hidden className={clsx('shrink-0 transition-transform duration-120', open && 'rotate-90')} />
        <span className="truncate text-control font-medium">{label}</span>
        <span className="sr-only">{open ? t.batchClose : t.batchOpen}</span>
        <span className="ms-2 text-caption whitespace-nowrap text-text-3 max-tablet:hidden">
          <span className="num text-micro">
            {first.width}×{first.height}
          </span>{' '}
          {preset(first.preset)}
        </span>
      </button>
      <span className="text-caption text-text-2">{isPending ? t.states.pending : t.states.done}</span>
      {isPending && !isSelecting && (
        <IconButton size="small" label={t.cancelBatch} onClick={() => void dropJobs(client, jobs)}>
          <X size={15} />
        </IconButton>
      )}
    </li>
  );
}
