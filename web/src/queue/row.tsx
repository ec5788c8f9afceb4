// One job as a row: picture, name, settings, state, progress, and what can be done.
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { ArrowDown, ArrowUp, ArrowUpToLine, Ellipsis, GripVertical, X } from 'lucide-react';
import { memo, useRef } from 'react';
import { jobQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import { clock, dateTime, duration, serverDate } from '@/lib/format';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { Menu } from '@/ui/menu';
import { Progress } from '@/ui/progress';
import { pointMenu } from '@/viewer/point-menu';
import { PickBox } from './pick';
import { doneText, jobLabel, leftText, loraText, stateWord, stepText } from './labels';
import { steadyFraction, useSecondsLeft } from './progress';
import type { HandleProps } from './reorder';
import { useSelecting } from './selection';
import { useRowActions, useRowMenu, type Neighbours, type RowActions } from './row-menu';
import { StateMark } from './state-mark';
import { JobThumb } from './thumb';
import { usePresetLabel } from './use-details';
import { useInView } from './use-in-view';

interface Props extends Neighbours {
  job: Job;
  handle: HandleProps | null; // null: it does not move
  waitsForOther: boolean;
  stuck: string; // why it does not go on although it runs; "": it does
  doneAt: string; // when it will be done, while it waits; "": not known
  inBatch: boolean;
  isHeld: boolean;
  order: number | undefined; // where it stands while a row is moved
}

function Facts({ job }: { job: Job }) {
  const t = useT().queue;
  const preset = usePresetLabel();
  const loras = loraText(job);
  return (
    <span className="flex min-w-0 items-center gap-x-2 overflow-hidden text-caption text-text-3 max-tablet:flex-wrap">
      <span className="num text-micro whitespace-nowrap">
        {job.width}×{job.height}
      </span>
      <span className="whitespace-nowrap">{preset(job.preset)}</span>
      <span className="whitespace-nowrap">
        {t.seed} <span className="num text-micro">{job.seed}</span>
      </span>
      {loras && <span className="truncate">{loras}</span>}
      {job.restarts > 0 && <span className="whitespace-nowrap text-warn">{t.restarted(job.restarts)}</span>}
    </span>
  );
}

function Running({ job, label }: { job: Job; label: string }) {
  const t = useT().queue;
  const left = useSecondsLeft(job);
  return (
    <div className="flex items-center gap-x-3 max-tablet:flex-col max-tablet:items-stretch max-tablet:gap-y-1 max-tablet:pt-1">
      <Progress testId="job-progress" label={t.progress(label)} value={steadyFraction(job)} className="tablet:flex-1" />
      <span className="text-caption text-text-2 tabular-nums tablet:whitespace-nowrap">
        {[stepText(t, job), leftText(t, left)].filter(Boolean).join(' · ')}
        {left !== null && <span className="max-tablet:hidden"> · {doneText(t, left)}</span>}
      </span>
    </div>
  );
}

function Failed({ job, actions, isQuiet }: { job: Job; actions: RowActions; isQuiet: boolean }) {
  const t = useT();
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 pt-0.5">
      <p className="min-w-48 flex-1 text-caption break-words text-bad">{job.error ?? t.queue.noReason}</p>
      <span className={clsx('flex flex-wrap gap-1', isQuiet && 'invisible')}>
        <Button size="small" onClick={() => actions.again('same')}>
          {t.ui.retry}
        </Button>
        <Button size="small" look="quiet" onClick={actions.edit}>
          {t.queue.openInEditor}
        </Button>
        <Button size="small" look="quiet" onClick={actions.copyDetails}>
          {t.queue.copyDetails}
        </Button>
      </span>
    </div>
  );
}

function Aside({ job, doneAt }: { job: Job; doneAt: string }) {
  const t = useT().queue;
  if (job.state === 'pending' && doneAt) return <span className="text-caption text-text-3 tabular-nums">{doneAt}</span>;
  if (job.finished_at && job.state === 'done') {
    const at = serverDate(job.finished_at);
    return (
      <span className="text-caption text-text-3 tabular-nums" title={dateTime(at)}>
        {[clock(at), job.seconds === null ? '' : t.took(duration(job.seconds))].filter(Boolean).join(' · ')}
      </span>
    );
  }
  return null;
}

function Buttons({ job, label, actions, around }: { job: Job; label: string; actions: RowActions; around: Neighbours }) {
  const t = useT().queue;
  const menu = useRowMenu(job, actions, around);
  const isActive = job.state === 'pending' || job.state === 'running';
  return (
    <span className="flex shrink-0 items-center">
      {job.state === 'pending' && (
        <span className="flex max-tablet:hidden">
          <IconButton size="small" label={t.runNext} disabled={around.before === null} onClick={actions.next}>
            <ArrowUpToLine size={14} />
          </IconButton>
          <IconButton size="small" label={t.moveUp} disabled={around.before === null} onClick={actions.up}>
            <ArrowUp size={14} />
          </IconButton>
          <IconButton size="small" label={t.moveDown} disabled={around.after === null} onClick={actions.down}>
            <ArrowDown size={14} />
          </IconButton>
        </span>
      )}
      <Menu
        items={menu}
        trigger={
          <Button size="small" look="quiet" aria-label={t.more(label)} className="aspect-square px-0! pointer-coarse:min-w-11">
            <Ellipsis size={15} />
          </Button>
        }
      />
      <IconButton
        size="small"
        label={job.state === 'running' ? t.stop : isActive ? t.cancel : t.remove}
        disabled={job.state === 'running' && job.cancelling}
        onClick={actions.drop}
      >
        <X size={15} />
      </IconButton>
    </span>
  );
}

/** Handles read what holds when they are used, so that a new one is no reason to draw the row again. */
function isSame(a: Props, b: Props): boolean {
  return (Object.keys(b) as (keyof Props)[]).every((k) => (k === 'handle' ? !a.handle === !b.handle : a[k] === b[k]));
}

export const QueueRow = memo(function QueueRow(props: Props) {
  const { job, handle, waitsForOther, stuck, doneAt, inBatch, isHeld, order, before, after } = props;
  const t = useT().queue;
  const ref = useRef<HTMLLIElement>(null);
  const inView = useInView(ref);
  const needsCaption = job.image_id === null || job.hld.trim() === '';
  const whole = useQuery({ ...jobQuery(job.id), staleTime: 60_000, enabled: inView && needsCaption });
  const label = jobLabel(job, job.origin === 'direct' && !job.hld ? t.otherProgram : t.untitled, whole.data?.caption);
  const around = { before, after };
  const isSelecting = useSelecting((s) => s.isOn);
  const isSelected = useSelecting((s) => s.ids.has(job.id));
  const actions = useRowActions(job, around);
  const items = useRowMenu(job, actions, around);
  const menu = pointMenu(() => (job.image_id === null ? { items } : { picture: job.image_id }));
  const thumb = <JobThumb job={job} caption={whole.data?.caption} />;
  return (
    <li
      ref={ref}
      data-testid="queue-row"
      {...(isSelecting ? {} : menu)}
      data-state={job.cancelling && job.state === 'running' ? 'cancelling' : job.state}
      data-id={job.id}
      data-unit={handle?.['data-reorder']}
      style={{ order, contentVisibility: isHeld ? undefined : 'auto', containIntrinsicSize: 'auto 48px' }}
      className={clsx(
        'flex items-center gap-2 border-b border-line py-1.5 pe-2 ps-1',
        inBatch && 'ps-7',
        isSelecting && 'relative select-none hover:bg-sunken',
        isSelected && 'bg-accent-soft!',
        isHeld && 'relative z-10 bg-accent-soft outline-2 outline-accent',
      )}
    >
      {isSelecting ? (
        <PickBox ids={[job.id]} label={label} />
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
        <span className="w-6 shrink-0 pointer-coarse:w-11 max-tablet:w-0!" />
      )}
      {actions.show && !isSelecting ? (
        <button
          type="button"
          aria-label={t.thumb(label)}
          onClick={actions.show}
          className="flex shrink-0 items-center justify-center rounded-thumb pointer-coarse:min-h-11 pointer-coarse:min-w-11"
        >
          {thumb}
        </button>
      ) : (
        thumb
      )}
      <div className="flex min-w-0 flex-1 flex-col">
        <div className="flex min-w-0 items-center gap-3 max-tablet:flex-wrap max-tablet:gap-y-0">
          <span className="min-w-0 flex-1 truncate text-control font-medium max-tablet:basis-full" title={label}>
            {label}
          </span>
          <Aside job={job} doneAt={doneAt} />
          <StateMark job={job} word={stuck || stateWord(t, job, waitsForOther)} className="text-caption" />
        </div>
        {job.state === 'running' && <Running job={job} label={label} />}
        <Facts job={job} />
        {job.state === 'failed' && <Failed job={job} actions={actions} isQuiet={isSelecting} />}
      </div>
      {inView && !isSelecting && <Buttons job={job} label={label} actions={actions} around={around} />}
    </li>
  );
}, isSame);
