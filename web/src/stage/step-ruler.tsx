// Steps of the running job as ticks of a ruler. Pointing at one, or going there with the arrow keys,
// shows the preview of that step; leaving shows the newest again.
import clsx from 'clsx';
import { useRef } from 'react';
import type { Job } from '@/api/types';
import { useT } from '@/i18n';
import { nearestStep } from './previews';

interface Props {
  job: Job;
  seen: readonly number[]; // steps that have a preview
  at: number | null; // null: the newest
  onLook: (step: number | null) => void;
}

export function StepRuler({ job, seen, at, onLook }: Props) {
  const t = useT().stage;
  const ruler = useRef<HTMLDivElement>(null);
  const { step, steps } = job;
  const newest = seen.at(-1) ?? 0;
  const shown = at ?? step;
  const look = (wanted: number) => {
    const one = nearestStep(seen, wanted);
    onLook(one === null || one >= newest ? null : one);
  };
  const walk = (by: number) => {
    const now = at ?? newest;
    const next = by < 0 ? seen.findLast((s) => s < now) : seen.find((s) => s > now);
    if (next !== undefined) look(next);
  };
  const under = (x: number) => {
    const r = ruler.current?.getBoundingClientRect();
    return r && r.width > 0 ? Math.round(((x - r.left) / r.width) * steps) : newest;
  };
  return (
    <div className="flex min-w-40 flex-1 items-center gap-3">
      <span className="num shrink-0 text-control">{`${shown} / ${steps || '–'}`}</span>
      <div
        ref={ruler}
        role="slider"
        tabIndex={0}
        aria-label={t.ruler}
        aria-valuemin={0}
        aria-valuemax={steps}
        aria-valuenow={shown}
        aria-valuetext={t.rulerAt(shown, steps)}
        data-testid="step-ruler"
        className="flex h-7 flex-1 touch-none items-end pointer-coarse:h-11"
        onPointerMove={(e) => look(under(e.clientX))}
        onPointerDown={(e) => look(under(e.clientX))}
        onPointerLeave={() => onLook(null)}
        onBlur={() => onLook(null)}
        onKeyDown={(e) => {
          const by = e.key === 'ArrowLeft' || e.key === 'ArrowDown' ? -1 : e.key === 'ArrowRight' || e.key === 'ArrowUp' ? 1 : 0;
          if (by !== 0) walk(by);
          else if (e.key === 'Home') look(1);
          else if (e.key === 'End') onLook(null);
          else return;
          e.preventDefault();
        }}
      >
        {Array.from({ length: steps || 1 }, (_, i) => {
          const one = i + 1;
          const isDone = one <= step;
          return (
            <span
              key={one}
              className={clsx(
                'flex h-full flex-1 items-end justify-end border-b-2',
                isDone ? 'border-accent' : 'border-line-strong/50',
                at !== null && one > at && isDone && 'opacity-40',
              )}
            >
              <span
                className={clsx(
                  'w-0.5',
                  one === shown ? 'h-5' : one % 5 === 0 || one === steps ? 'h-3.5' : 'h-2',
                  isDone ? 'bg-accent' : 'bg-line-strong/50',
                )}
              />
            </span>
          );
        })}
      </div>
    </div>
  );
}
