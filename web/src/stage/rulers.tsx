// Hairline rulers along the stage's edges, in the units of boxes: 0–1000 over the picture.
import type { Size } from './fit';

const DEPTH = 18;
const UNITS = 1000;
const LABEL_PX = 44; // least distance of numbers

interface Props {
  left: number; // of the picture in the area
  top: number;
  size: Size;
  area: Size;
}

/** The distance of labelled ticks that leaves room for their numbers. */
function stepFor(pixels: number): number {
  return [50, 100, 200, 250, 500].find((step) => (step / UNITS) * pixels >= LABEL_PX) ?? UNITS;
}

function ticks(pixels: number): { at: number; x: number; isLong: boolean }[] {
  const step = stepFor(pixels);
  const minor = step / 5;
  return Array.from({ length: Math.round(UNITS / minor) + 1 }, (_, i) => {
    const at = i * minor;
    return { at, x: Math.round((at / UNITS) * pixels) + 0.5, isLong: i % 5 === 0 };
  });
}

export function Rulers({ left, top, size, area }: Props) {
  return (
    <svg aria-hidden width={area.width} height={area.height} className="num pointer-events-none absolute inset-0 text-text-3">
      <rect width={area.width} height={DEPTH} className="fill-surface" />
      <rect width={DEPTH} height={area.height} className="fill-surface" />
      <g stroke="currentColor" strokeWidth={1} className="text-line-strong">
        <line x1={DEPTH} x2={area.width} y1={DEPTH - 0.5} y2={DEPTH - 0.5} className="text-line" stroke="currentColor" />
        <line y1={DEPTH} y2={area.height} x1={DEPTH - 0.5} x2={DEPTH - 0.5} className="text-line" stroke="currentColor" />
        {ticks(size.width).map(({ at, x, isLong }) =>
          left + x < DEPTH ? null : (
            <line key={at} x1={left + x} x2={left + x} y1={isLong ? 6 : 13} y2={DEPTH} />
          ),
        )}
        {ticks(size.height).map(({ at, x, isLong }) =>
          top + x < DEPTH ? null : (
            <line key={at} y1={top + x} y2={top + x} x1={isLong ? 6 : 13} x2={DEPTH} />
          ),
        )}
      </g>
      <g fill="currentColor" fontSize={9}>
        {ticks(size.width).map(({ at, x, isLong }) =>
          !isLong || left + x < DEPTH ? null : (
            <text key={at} x={left + x + 3} y={10}>
              {at}
            </text>
          ),
        )}
        {ticks(size.height).map(({ at, x, isLong }) =>
          !isLong || top + x < DEPTH ? null : (
            <text key={at} transform={`translate(10 ${top + x + 3}) rotate(90)`}>
              {at}
            </text>
          ),
        )}
      </g>
      <rect width={DEPTH} height={DEPTH} className="fill-surface" />
    </svg>
  );
}
