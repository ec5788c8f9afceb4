// What is drawn on the canvas beside the boxes: handles, guides, what is being made, grid, overlaps.
import clsx from 'clsx';
import { useMemo } from 'react';
import { UNITS, type Box, type Element } from '@/document/caption';
import { usePrefs } from '@/app/prefs';
import { useSettings } from '@/document/store';
import { useT } from '@/i18n';
import { number } from '@/lib/format';
import { gridLines, HANDLES, overlap, type Handle } from './geometry';
import { useCanvas } from './state';
import { along, styleOf } from './style';

const HALF = UNITS / 2;
const LOW = 940;

const PLACES: Record<Handle, string> = {
  nw: 'top-0 left-0 cursor-nwse-resize',
  n: 'top-0 left-1/2 cursor-ns-resize',
  ne: 'top-0 left-full cursor-nesw-resize',
  e: 'top-1/2 left-full cursor-ew-resize',
  se: 'top-full left-full cursor-nwse-resize',
  s: 'top-full left-1/2 cursor-ns-resize',
  sw: 'top-full left-0 cursor-nesw-resize',
  w: 'top-1/2 left-0 cursor-ew-resize',
};

// Handles must not cover the whole of a small box, or nothing is left to drag it by: those of the
// edges go where the corners' meet, and where these are felt moves out. They are seen at their places.
const SMALL: Record<string, string> = {
  n: '[@container_(max-width:56px)]:hidden pointer-coarse:[@container_(max-width:124px)]:hidden',
  s: '[@container_(max-width:56px)]:hidden pointer-coarse:[@container_(max-width:124px)]:hidden',
  e: '[@container_(max-height:56px)]:hidden pointer-coarse:[@container_(max-height:124px)]:hidden',
  w: '[@container_(max-height:56px)]:hidden pointer-coarse:[@container_(max-height:124px)]:hidden',
};
const FRAME =
  'absolute inset-0 [@container_(max-width:36px)]:-inset-x-2 [@container_(max-height:36px)]:-inset-y-2 ' +
  'pointer-coarse:[@container_(max-width:80px)]:-inset-x-5 pointer-coarse:[@container_(max-height:80px)]:-inset-y-5';
const BACK = {
  n: '[@container_(max-height:36px)]:translate-y-2 pointer-coarse:[@container_(max-height:80px)]:translate-y-5',
  s: '[@container_(max-height:36px)]:-translate-y-2 pointer-coarse:[@container_(max-height:80px)]:-translate-y-5',
  w: '[@container_(max-width:36px)]:translate-x-2 pointer-coarse:[@container_(max-width:80px)]:translate-x-5',
  e: '[@container_(max-width:36px)]:-translate-x-2 pointer-coarse:[@container_(max-width:80px)]:-translate-x-5',
};
const SIDES = ['n', 's', 'w', 'e'] as const;

/** Eight handles around the selected box; on touch each is felt within 44 px. */
export function Handles({ element }: { element: Element }) {
  const box = useCanvas((s) => s.live.boxes[element.index]) ?? element.box;
  if (!box) return null;
  return (
    <div aria-hidden style={styleOf(box)} className="pointer-events-none absolute [container-type:size]">
      <div className={FRAME}>
        {HANDLES.map((handle) => (
          <span
            key={handle}
            data-handle={handle}
            data-testid="handle"
            className={clsx(
              'pointer-events-auto absolute flex size-5 -translate-1/2 touch-none items-center justify-center pointer-coarse:size-[44px]',
              PLACES[handle],
              SMALL[handle],
            )}
          >
            <span
              className={clsx(
                'size-2.5 border border-[#000] bg-[#fff] pointer-coarse:size-3.5',
                SIDES.map((side) => handle.includes(side) && BACK[side]),
              )}
            />
          </span>
        ))}
      </div>
    </div>
  );
}

/** Where the moved box is, in units and in pixels. */
function ReadOut({ box }: { box: Box }) {
  const t = useT().layout;
  const { width, height } = useSettings();
  const [top, left, bottom, right] = box;
  const w = ((right - left) * width) / 1000;
  const h = ((bottom - top) * height) / 1000;
  return (
    <span
      aria-hidden
      style={{
        top: along(bottom),
        ...(left > HALF ? { right: along(UNITS - right) } : { left: along(left) }),
      }}
      className={clsx(
        'num pointer-events-none absolute rounded-thumb bg-ink px-1.5 text-micro whitespace-nowrap text-on-ink',
        bottom > LOW ? '-mt-5' : 'mt-1', // inside, where there is no room below
      )}
    >
      {`${left}, ${top} · ${right - left} × ${bottom - top} · ${t.pixels(number(w), number(h))}`}
    </span>
  );
}

export function LiveLayer() {
  const live = useCanvas((s) => s.live);
  const shown = live.made[0] ?? Object.values(live.boxes)[0];
  return (
    <div aria-hidden className="pointer-events-none absolute inset-0">
      {live.made.map((box) => (
        <div key={box.join()} data-testid="made" style={styleOf(box)} className="absolute border border-dashed border-accent bg-accent/10" />
      ))}
      {live.marquee && (
        <div style={styleOf(live.marquee)} className="absolute border border-accent bg-accent/10" />
      )}
      {live.guides.map((g) => (
        <div
          key={`${g.axis}${g.at}`}
          data-testid="guide"
          className={clsx('absolute bg-accent', g.axis === 'x' ? 'w-px' : 'h-px')}
          style={
            g.axis === 'x'
              ? { left: along(g.at), top: along(g.from), height: along(g.to - g.from) }
              : { top: along(g.at), left: along(g.from), width: along(g.to - g.from) }
          }
        >
          <span
            className={clsx(
              'num absolute bg-accent px-1 text-micro text-on-accent',
              g.axis === 'x' ? 'top-1/2' : 'left-1/2',
              g.axis === 'x' ? (g.at > HALF ? 'right-1' : 'left-1') : g.at > HALF ? 'bottom-1' : 'top-1',
            )}
          >
            {g.label}
          </span>
        </div>
      ))}
      {shown && <ReadOut box={shown} />}
    </div>
  );
}

export function Grid() {
  const grid = usePrefs((s) => s.grid);
  const lines = gridLines(grid);
  if (lines.length === 0) return null;
  return (
    <svg aria-hidden className="pointer-events-none absolute inset-0 size-full text-text opacity-25 mix-blend-difference">
      {lines.map((at) => (
        <g key={at} stroke="currentColor" strokeWidth={1}>
          <line x1={along(at)} x2={along(at)} y1="0" y2="100%" />
          <line y1={along(at)} y2={along(at)} x1="0" x2="100%" />
        </g>
      ))}
    </svg>
  );
}

/** Hatching where texts lie on each other, which no picture can show well. */
export function Overlaps({ elements }: { elements: readonly Element[] }) {
  const moved = useCanvas((s) => s.live.boxes);
  const places = useMemo(() => {
    const texts = elements.flatMap((e) => (e.kind === 'text' && e.box ? [moved[e.index] ?? e.box] : []));
    return texts.flatMap((a, i) => texts.slice(i + 1).map((b) => overlap(a, b)).filter((o) => o !== null));
  }, [elements, moved]);
  if (places.length === 0) return null;
  return (
    <svg aria-hidden className="pointer-events-none absolute inset-0 size-full text-bad">
      <defs>
        <pattern id="overlap-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" x2="0" y1="0" y2="6" stroke="currentColor" strokeWidth="2" />
        </pattern>
      </defs>
      {places.map(([top, left, bottom, right]) => (
        <rect
          key={`${top},${left},${bottom},${right}`}
          data-testid="overlap"
          x={along(left)}
          y={along(top)}
          width={along(right - left)}
          height={along(bottom - top)}
          fill="url(#overlap-hatch)"
          stroke="currentColor"
        />
      ))}
    </svg>
  );
}
