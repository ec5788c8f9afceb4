// An example as a small drawing of its own layout.
import type { Example, Shape } from './examples';

const HEIGHT = 108;

function Drawn({ shape, by }: { shape: Shape; by: number }) {
  const [top, left, bottom, right] = shape.box;
  const x = left * by;
  const y = top;
  const w = (right - left) * by;
  const h = bottom - top;
  switch (shape.kind) {
    case 'circle':
      return <ellipse cx={x + w / 2} cy={y + h / 2} rx={Math.min(w, h) / 2} ry={Math.min(w, h) / 2} fill={shape.colour} />;
    case 'square':
      return <rect x={x} y={y} width={w} height={h} fill={shape.colour} />;
    case 'triangle':
      return <path d={`M${x + w / 2} ${y}L${x + w} ${y + h}L${x} ${y + h}Z`} fill={shape.colour} />;
    case 'text':
      return (
        <text x={x} y={y + h * 0.86} textLength={w} lengthAdjust="spacingAndGlyphs" fontSize={h} fontWeight={800} fill={shape.colour}>
          {shape.text}
        </text>
      );
  }
}

/** Coordinates are thousandths of the height, so that circles stay round. */
export function Miniature({ example }: { example: Example }) {
  const by = example.ratio[0] / example.ratio[1];
  return (
    <svg
      aria-hidden
      viewBox={`0 0 ${1000 * by} 1000`}
      height={HEIGHT}
      width={HEIGHT * by}
      className="max-tablet:h-22 max-tablet:w-auto outline outline-transparent transition-transform duration-120 group-hover:-translate-y-0.5 group-focus-visible:outline-accent"
      style={{ background: example.ground }}
    >
      {example.shapes.map((shape) => (
        <Drawn key={shape.box.join()} shape={shape} by={by} />
      ))}
    </svg>
  );
}
