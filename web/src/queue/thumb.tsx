// The small picture of a row: the finished picture, the preview while it is drawn, else the layout
// of its boxes in the proportions of the picture.
import { previewUrl, thumbUrl } from '@/api/queries';
import type { Job } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { read, UNITS } from '@/document/caption';
import { useT } from '@/i18n';
import { captionValue } from './labels';

const SIDE = 32;

function MiniLayout({ job, caption }: { job: Job; caption: unknown }) {
  const t = useT().queue;
  const boxes = read(captionValue(caption)).elements.filter((e) => e.box !== null);
  const scale = (SIDE - 2) / Math.max(job.width, job.height, 1);
  const width = Math.max(8, job.width * scale);
  const height = Math.max(8, job.height * scale);
  return (
    <svg
      role="img"
      aria-label={t.boxes(boxes.length)}
      width={width}
      height={height}
      viewBox={`0 0 ${UNITS} ${UNITS}`}
      preserveAspectRatio="none"
      className="bg-sunken outline outline-line-strong"
    >
      {boxes.map(({ index, box, kind }) => {
        if (!box) return null;
        const [top, left, bottom, right] = box;
        return (
          <rect
            key={index}
            x={left}
            y={top}
            width={right - left}
            height={bottom - top}
            fill={kind === 'text' ? 'var(--text-3)' : 'none'}
            fillOpacity={0.35}
            stroke="var(--text-2)"
            strokeWidth={1}
            vectorEffect="non-scaling-stroke"
          />
        );
      })}
    </svg>
  );
}

export function JobThumb({ job, caption }: { job: Job; caption: unknown }) {
  const wantsPreview = usePrefs((s) => s.preview);
  const source =
    job.image_id !== null
      ? thumbUrl(job.image_id, 160)
      : job.state === 'running' && wantsPreview && job.preview_step !== null
        ? previewUrl(job, job.preview_step)
        : null;
  return (
    <span className="flex size-8 shrink-0 items-center justify-center overflow-hidden rounded-thumb">
      {source ? (
        <img
          src={source}
          alt=""
          width={SIDE}
          height={SIDE}
          draggable={false}
          // What cannot be had shows as an empty place, not as a broken picture.
          onError={(e) => {
            e.currentTarget.style.visibility = 'hidden';
          }}
          onLoad={(e) => {
            e.currentTarget.style.visibility = '';
          }}
          className="size-8 bg-sunken object-contain"
        />
      ) : (
        <MiniLayout job={job} caption={caption} />
      )}
    </span>
  );
}
