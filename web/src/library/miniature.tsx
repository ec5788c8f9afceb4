// The boxes of a caption, small: for entries without a picture.
import type { Caption } from '@/document/caption';

export function Miniature({ caption, ratio }: { caption: Caption | null; ratio: number }) {
  const width = ratio >= 1 ? 1000 : 1000 * ratio;
  const height = ratio >= 1 ? 1000 / ratio : 1000;
  return (
    <svg viewBox={`-20 -20 ${width + 40} ${height + 40}`} aria-hidden className="size-full">
      <rect width={width} height={height} className="fill-stage stroke-line-strong" strokeWidth={20} />
      {caption?.elements.map(
        (e) =>
          e.box && (
            <rect
              key={e.index}
              x={(e.box[1] / 1000) * width}
              y={(e.box[0] / 1000) * height}
              width={((e.box[3] - e.box[1]) / 1000) * width}
              height={((e.box[2] - e.box[0]) / 1000) * height}
              fillOpacity={e.kind === 'text' ? 0.75 : 0.3}
              className="fill-text-3"
            />
          ),
      )}
    </svg>
  );
}
