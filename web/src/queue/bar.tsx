// The queue at the foot of the page: a line that says what goes on, and the list it opens into. On
// narrow screens the list is a tab of its own.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import clsx from 'clsx';
import { ChevronUp, CirclePause, CirclePlay } from 'lucide-react';
import { queueQuery } from '@/api/queries';
import type { Job, Queue } from '@/api/types';
import { setUi, useUi, type Tab } from '@/app/ui-state';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { later } from '@/ui/later';
import { Progress } from '@/ui/progress';
import { setPaused } from './actions';
import { EditingStrip } from './editing-strip';
import { allDoneText, blockedText, doneText, jobLabel, leftText, stateWord, stepText, stuckWord } from './labels';
import { NotifyOffer } from './offer';
import { steadyFraction, useSecondsLeft } from './progress';
import { StateMark } from './state-mark';
import { JobThumb } from './thumb';
import { useNews } from './use-news';

function RunningLine({ job, left, stuck }: { job: Job; left: number | null; stuck: string }) {
  const t = useT().queue;
  const fraction = steadyFraction(job);
  const label = jobLabel(job, job.origin === 'direct' ? t.otherProgram : t.untitled);
  return (
    <>
      <JobThumb job={job} caption={undefined} />
      <span className="flex min-w-0 flex-col overflow-hidden text-start tablet:contents">
        <span className="min-w-0 truncate text-control font-medium tablet:max-w-[40ch]">{label}</span>
        <span className="flex min-w-0 items-center gap-3">
          <StateMark job={job} word={stuck || stateWord(t, job, false)} className="text-caption" />
          <span className="truncate tabular-nums text-caption text-text-2 max-laptop:hidden">{stepText(t, job)}</span>
        </span>
      </span>
      <span className="flex-1" />
      <span className="shrink-0 text-control tabular-nums">{t.percent(Math.floor((fraction ?? 0) * 100))}</span>
      <span className="tabular-nums shrink-0 text-caption text-text-2 max-tablet:hidden">{leftText(t, left)}</span>
      <span className="tabular-nums shrink-0 text-caption text-text-2 max-laptop:hidden">{doneText(t, left)}</span>
    </>
  );
}

function IdleLine({ queue }: { queue: Queue | undefined }) {
  const t = useT().queue;
  const blocked = blockedText(t, queue?.blocked ?? null);
  const text = queue?.paused ? t.pausedWaiting(queue.pending.length) : (blocked?.text ?? t.idle);
  return <span className={clsx('truncate text-control', blocked ? 'text-warn' : 'text-text-2')}>{text}</span>;
}

let cameFrom: Tab = 'create'; // on narrow screens the list is a tab

function toggle(open: boolean): void {
  const { tab } = useUi.getState();
  if (!open && tab !== 'queue') cameFrom = tab;
  setUi({ queueOpen: !open, tab: open ? (tab === 'queue' ? cameFrom : tab) : 'queue' });
}

function Line({ queue, left, open }: { queue: Queue | undefined; left: number | null; open: boolean }) {
  const t = useT().queue;
  const client = useQueryClient();
  const job = queue?.running.find((j) => j.origin !== 'direct') ?? queue?.running[0];
  const waiting = queue?.pending.length ?? 0;
  const paused = queue?.paused ?? false;
  const allDone = queue && waiting > 0 && !paused && !queue.blocked ? queue.eta : null;
  return (
    <div className="flex h-12 items-center gap-1 pe-2 ps-1">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => toggle(open)}
        className="flex h-11 min-w-0 flex-1 items-center gap-3 rounded-control px-3 hover:bg-sunken"
      >
        <span className="sr-only">{open ? t.close : t.open}</span>
        {job ? <RunningLine job={job} left={left} stuck={stuckWord(t, queue?.blocked ?? null)} /> : <IdleLine queue={queue} />}
        {!job && <span className="flex-1" />}
        <span
          data-testid="queue-count"
          data-count={waiting}
          className={clsx('shrink-0 text-caption tabular-nums', waiting > 0 ? 'font-medium text-text' : 'text-text-3 max-tablet:hidden')}
        >
          {t.waiting(waiting)}
        </span>
        {allDone !== null && (
          <span className="tabular-nums shrink-0 text-caption text-text-3 max-desk:hidden">
            {allDoneText(t, allDone)}
          </span>
        )}
        <ChevronUp size={16} aria-hidden className={clsx('shrink-0 transition-transform duration-120', open && 'rotate-180')} />
      </button>
      <IconButton
        data-testid="queue-pause"
        label={paused ? t.resume : job ? t.pause : t.pauseIdle}
        pressed={paused}
        disabled={!queue}
        onClick={() => void setPaused(client, !paused)}
      >
        {paused ? <CirclePlay size={18} /> : <CirclePause size={18} />}
      </IconButton>
    </div>
  );
}

const QueueDrawer = later(() => import('./drawer').then((m) => m.QueueDrawer));
const SeedsDialog = later(() => import('./seeds-dialog').then((m) => m.SeedsDialog));
const ImageDialogs = later(() => import('@/viewer/dialogs').then((m) => m.ImageDialogs));

export function QueueBar() {
  const t = useT();
  const { data: queue, isError } = useQuery(queueQuery);
  const open = useUi((s) => s.queueOpen);
  const job = queue?.running.find((j) => j.origin !== 'direct') ?? queue?.running[0];
  const left = useSecondsLeft(job);
  useNews();
  const isQuiet = !job && (queue?.pending.length ?? 0) === 0 && !queue?.paused;
  return (
    <section
      aria-label={t.app.queue}
      className={clsx('flex min-h-0 flex-col', open && 'max-tablet:h-[calc(100dvh-6.6rem-env(safe-area-inset-bottom))]')}
    >
      {open && (
        <div className="flex min-h-0 flex-col border-b border-line max-tablet:flex-1 tablet:h-80">
          {queue ? (
            <QueueDrawer queue={queue} runningLeft={left} />
          ) : (
            <p className="p-4 text-control text-text-2">{isError ? t.queue.loadFailedQueue : t.ui.loading}</p>
          )}
        </div>
      )}
      <EditingStrip />
      {job && <NotifyOffer job={job} />}
      <div className={clsx('relative', isQuiet && !open && 'max-tablet:hidden')}>
        {job && !open && (
          <div aria-hidden className="absolute inset-x-0 -top-px">
            <Progress label={t.queue.progress(jobLabel(job, t.queue.untitled))} value={steadyFraction(job)} className="h-0.5! rounded-none" />
          </div>
        )}
        <Line queue={queue} left={left} open={open} />
      </div>
      <ImageDialogs />
      <SeedsDialog />
    </section>
  );
}
