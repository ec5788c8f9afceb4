// Two pictures over each other with a divider between them, by pointer and by arrow keys.
import { useRef, useState, type PointerEvent } from 'react';
import { fileUrl } from '@/api/queries';
import { useT } from '@/i18n';
import { CompareLabel, type Compared } from './compare-label';

const STEP = 2;
const STEP_LARGE = 10;

export function CompareSlider({ left, right }: { left: Compared; right: Compared }) {
  const t = useT().viewer.compare;
  const ref = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(50);
  const put = (percent: number) => setAt(Math.max(0, Math.min(100, Math.round(percent * 10) / 10)));
  const drag = (e: PointerEvent<HTMLElement>) => {
    const box = ref.current?.getBoundingClientRect();
    if (box && e.buttons > 0) put(((e.clientX - box.left) / box.width) * 100);
  };
  const ratio = left.w / left.h || 1;
  const picture = 'absolute inset-0 size-full object-contain';
  return (
    <div className="flex h-full items-center justify-center p-3" style={{ containerType: 'size' }}>
      <div
        ref={ref}
        className="relative touch-none overflow-hidden select-none"
        style={{ aspectRatio: ratio, width: `min(100cqw - 24px, (100cqh - 24px) * ${ratio})` }}
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId);
          drag(e);
        }}
        onPointerMove={drag}
      >
        <img src={fileUrl(right.id)} alt={right.alt} draggable={false} className={picture} />
        <img
          src={fileUrl(left.id)}
          alt={left.alt}
          draggable={false}
          className={picture}
          style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }}
        />
        <CompareLabel letter={left.letter} className="top-2 left-2" />
        <CompareLabel letter={right.letter} className="top-2 right-2" />
        <div
          role="slider"
          tabIndex={0}
          data-testid="compare-slider"
          aria-label={t.divider}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(at)}
          aria-valuetext={t.dividerAt(Math.round(at))}
          aria-orientation="horizontal"
          onKeyDown={(e) => {
            const step = e.shiftKey ? STEP_LARGE : STEP;
            const to = { ArrowLeft: at - step, ArrowRight: at + step, ArrowDown: at - step, ArrowUp: at + step, Home: 0, End: 100, PageUp: at + STEP_LARGE, PageDown: at - STEP_LARGE }[e.key];
            if (to === undefined) return;
            e.preventDefault();
            e.stopPropagation();
            put(to);
          }}
          className="absolute inset-y-0 w-11 -translate-x-1/2 cursor-ew-resize"
          style={{ left: `${at}%` }}
        >
          <span className="absolute inset-y-0 left-1/2 w-0.5 -translate-x-1/2 bg-[#fff] outline outline-[#0008]" />
          <span className="absolute top-1/2 left-1/2 flex size-8 -translate-1/2 items-center justify-center rounded-full bg-surface text-text shadow-pop">
            <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
              <path d="M6 4 2 8l4 4M10 4l4 4-4 4" />
            </svg>
          </span>
        </div>
      </div>
    </div>
  );
}
