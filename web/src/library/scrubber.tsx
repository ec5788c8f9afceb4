// Dates at the right edge: where in time one is, and the way to another time. As high as the
// pictures of a day are many.
import { useQuery } from '@tanstack/react-query';
import { memo, useMemo, useRef, useState } from 'react';
import { keys } from '@/api/queries';
import { locale, useT } from '@/i18n';
import { dateOfDay, dateText } from './days';
import { callOnce } from './early';
import { bucketAt, marksOf, type Bucket } from './timeline';

interface Timeline {
  unit: string;
  buckets: Bucket[];
  total: number;
}

export interface ScrubberProps {
  query: string;
  hasDays: boolean; // other orders than by time have none
  isOldestFirst: boolean;
  top: number;
  total: number;
  isMoving: boolean;
  onJump: (index: number) => void;
}

const MARKS_APART = 0.06; // of the height

export const Scrubber = memo(function Scrubber(p: ScrubberProps) {
  const t = useT().library;
  const track = useRef<HTMLDivElement>(null);
  const [dragY, setDragY] = useState<number | null>(null); // 0…1
  const { data } = useQuery({
    queryKey: [...keys.library, 'timeline', p.query],
    queryFn: () => callOnce<Timeline>(`/api/library/timeline${p.query}`),
    enabled: p.hasDays,
    placeholderData: (before) => before,
  });
  const buckets = useMemo(() => {
    const list = data?.buckets ?? [];
    return p.isOldestFirst ? list.toReversed() : list;
  }, [data, p.isOldestFirst]);
  const marks = useMemo(() => marksOf(buckets, MARKS_APART), [buckets]);
  const sum = data?.total ?? 0;
  if (!p.hasDays || buckets.length < 2 || sum === 0) return null;

  const at = bucketAt(buckets, p.top);
  const bucket = buckets[at.bucket];
  const name = (b: Bucket | undefined) =>
    b ? dateText(dateOfDay(b.date), locale(), { day: 'numeric', month: 'long', year: 'numeric' }) : '';
  const part = dragY ?? Math.min(1, p.top / Math.max(1, sum - 1));
  const shown = dragY === null ? bucket : buckets[bucketAt(buckets, Math.round(dragY * (sum - 1))).bucket];

  const drag = (e: React.PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (!box) return;
    const y = Math.min(1, Math.max(0, (e.clientY - box.top) / box.height));
    setDragY(y);
    p.onJump(bucketAt(buckets, Math.round(y * (sum - 1))).first);
  };
  const step = (by: number) => {
    const next = Math.min(buckets.length - 1, Math.max(0, at.bucket + by));
    p.onJump(buckets.slice(0, next).reduce((n, b) => n + b.count, 0));
  };
  const keyDown = (e: React.KeyboardEvent) => {
    const by: Record<string, number> = {
      ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 30, PageUp: -30, Home: -buckets.length, End: buckets.length,
    };
    const move = by[e.key];
    if (move === undefined) return;
    e.preventDefault();
    step(move);
  };
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={t.scrubber}
      aria-orientation="vertical"
      aria-valuemin={1}
      aria-valuemax={buckets.length}
      aria-valuenow={at.bucket + 1}
      aria-valuetext={name(bucket)}
      data-testid="library-scrubber"
      onKeyDown={keyDown}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId);
        drag(e);
      }}
      onPointerMove={(e) => dragY !== null && drag(e)}
      onPointerUp={() => setDragY(null)}
      onPointerCancel={() => setDragY(null)}
      className="group relative w-14 shrink-0 cursor-ns-resize touch-none py-3 -outline-offset-2 select-none max-tablet:w-7 pointer-coarse:max-tablet:-ms-4 pointer-coarse:max-tablet:w-11"
    >
      <div ref={track} className="relative h-full">
        <span className="absolute inset-y-0 end-2 w-px bg-line" aria-hidden />
        {marks.map((mark) => (
          <time
            key={mark.key}
            aria-hidden
            style={{ top: `${mark.part * 100}%` }}
            className="num absolute end-5 -translate-y-1/2 text-micro text-text-3 max-tablet:hidden"
          >
            {mark.year ?? dateText(dateOfDay(`${mark.key}-01`), locale(), { month: 'short' })}
          </time>
        ))}
        <span
          aria-hidden
          style={{ top: `${part * 100}%` }}
          className="absolute end-0.5 h-6 w-3.5 -translate-y-1/2 rounded-full border border-line-strong bg-surface group-hover:border-accent"
        />
        {(dragY !== null || p.isMoving) && (
          <span
            aria-hidden
            style={{ top: `${part * 100}%` }}
            className="pointer-events-none absolute end-6 z-20 -translate-y-1/2 rounded-control bg-ink px-2 py-1 text-caption whitespace-nowrap text-on-ink"
          >
            {name(shown)}
          </span>
        )}
      </div>
    </div>
  );
});
