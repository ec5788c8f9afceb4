// The stage: the picture's place with what there is to see of this document: the running job's
// preview, else its newest picture or the version somebody chose, else why there is none, else the
// layout, else three ways to begin. With the layout open, the canvas lies over it.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError } from '@/api/client';
import { itemQuery, queueQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { EMPTY_TEXT } from '@/document/caption';
import { useCaption, useDocument, useSettings } from '@/document/store';
import { later } from '@/ui/later';
import { useCanvas } from '@/editor/layout/state';
import { useT } from '@/i18n';
import { FirstRun } from './first-run';
import { Frame } from './frame';
import { LoadingCard, ModelFailedCard } from './model-card';
import { Picture } from './picture';
import { Preview, RunningBar } from './running';
import type { Shown } from './shown';
import { useShown } from './use-shown';
import { Wireframe } from './wireframe';

/** Width and height of the place: what will be drawn while one plans, else what was. */
function useRatio(shown: Shown, layout: boolean): { width: number; height: number } {
  const settings = useSettings();
  if (layout) return settings;
  if (shown.kind === 'running') return shown.job;
  if (shown.kind === 'image' || shown.kind === 'blocked') return shown.version;
  return settings;
}

const Canvas = later(() => import('@/editor/layout/canvas').then((m) => m.Canvas));
const CanvasTools = later(() => import('@/editor/layout/tools').then((m) => m.CanvasTools));
const BlockedCard = later(() => import('./blocked-card').then((m) => m.BlockedCard));
const FailedCard = later(() => import('./failed-card').then((m) => m.FailedCard));
const ResultBar = later(() => import('./result-bar').then((m) => m.ResultBar));
const Versions = later(() => import('./versions').then((m) => m.Versions));
const Underlay = later(() => import('@/editor/layout/underlay').then((m) => m.Underlay));

function Waiting({ job }: { job: Job }) {
  const t = useT().stage;
  return (
    <p className="border-t border-line bg-surface px-4 py-3 text-control text-text-2">{t.waiting(job.position ?? 0)}</p>
  );
}

export function Stage({ promptId }: { promptId: number | null }) {
  const t = useT().stage;
  const { key, shown, jobs, versions, pin } = useShown(promptId);
  const layout = usePrefs((s) => s.mode === 'layout');
  const showBoxes = useCanvas((s) => s.showBoxes);
  const isBlank = useDocument((s) => s.doc.text === EMPTY_TEXT);
  const { elements } = useCaption();
  const settings = useSettings();
  const { data: queue } = useQuery(queueQuery);
  const [looked, setLooked] = useState<{ job: number; step: number } | null>(null);
  const ratio = useRatio(shown, layout);

  const imageId = shown.kind === 'image' ? shown.version.id : null;
  const { data: item, error } = useQuery({ ...itemQuery(imageId ?? 0), enabled: imageId !== null });
  const isGone = error instanceof ApiError && error.status === 404;
  const job = shown.kind === 'running' ? shown.job : null;
  const jobId = job?.id;
  useEffect(() => setLooked(null), [jobId]);

  const step = job && looked?.job === job.id ? looked.step : null;
  const look = (s: number | null) => setLooked(job && s !== null ? { job: job.id, step: s } : null);
  const modelFailed = queue?.blocked?.code === 'model_failed' && (shown.kind === 'waiting' || shown.kind === 'none') ? queue.blocked.error : null;
  const isFirst = promptId === null && shown.kind === 'none' && isBlank && !layout && modelFailed === null;
  const isPlain = shown.kind === 'none' || shown.kind === 'waiting' || shown.kind === 'failed' || shown.kind === 'blocked' || isGone;

  const card =
    modelFailed !== null ? (
      <ModelFailedCard why={modelFailed} isBar={layout} />
    ) : shown.kind === 'failed' ? (
      <FailedCard key={shown.job.id} job={shown.job} docKey={key} isBar={layout} />
    ) : shown.kind === 'blocked' ? (
      <BlockedCard key={shown.version.id} version={shown.version} job={shown.job} docKey={key} promptId={promptId} isBar={layout} />
    ) : job?.phase === 'load' ? (
      <LoadingCard elapsed={job.elapsed} isBar={layout} />
    ) : null;

  return (
    <div data-stage tabIndex={-1} className="flex h-full min-h-0 flex-col bg-stage outline-none">
      <div className="relative flex min-h-0 flex-1 flex-col">
        <Frame width={ratio.width} height={ratio.height} layout={layout}>
          {isPlain && !layout && !isFirst && (
            <Wireframe elements={card ? [] : elements} label={card ? '' : `${settings.width} × ${settings.height}`} />
          )}
          {layout && <div aria-hidden className="absolute inset-0 bg-bg" />}
          {job && <Preview job={job} at={step} />}
          {imageId !== null && !isGone && <Picture id={imageId} item={item} canOpen={!layout} />}
          {layout && <Underlay />}
          {(layout || showBoxes) && !isFirst && <Canvas live={layout} />}
        </Frame>
        {isFirst && <FirstRun />}
        {!layout && card}
        {layout && <CanvasTools />}
        {isGone && (
          <p role="status" className="absolute inset-x-0 bottom-3 text-center text-control text-text-2">
            {t.gone}
          </p>
        )}
      </div>
      {layout && card}
      {job && <RunningBar job={job} at={step} onLook={look} />}
      {shown.kind === 'waiting' && modelFailed === null && <Waiting job={shown.job} />}
      {item && imageId !== null && !isGone && (
        <ResultBar item={item} promptId={promptId} />
      )}
      <Versions docKey={key} versions={versions} shown={shown} pinned={pin} running={jobs.find((j) => j.state === 'running')} />
    </div>
  );
}
