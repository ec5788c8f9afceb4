// Memory as one bar: in use, at most so far, and what is free.
import type { ModelStatus } from '@/api/types';
import { useT } from '@/i18n';
import { bytes } from '@/lib/format';

export function Memory({ memory }: { memory: NonNullable<ModelStatus['memory']> }) {
  const t = useT().model;
  const active = memory.active ?? 0;
  const peak = Math.max(memory.peak ?? 0, active);
  const { available } = memory;
  if (available === null || available === undefined) return null;
  const all = Math.max(1, active + available);
  const share = (n: number) => `${Math.min(100, (n / all) * 100)}%`;
  const text = t.memoryText(bytes(active), bytes(available));
  return (
    <div className="flex flex-col gap-1">
      <div className="flex items-baseline justify-between gap-2 text-caption">
        <span className="font-medium text-text-2">{t.memory}</span>
        <span className="num text-text-3">{text}</span>
      </div>
      <div
        role="meter"
        aria-label={t.memory}
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={active}
        aria-valuetext={text}
        title={t.peak(bytes(peak))}
        className="relative h-1.5 overflow-hidden rounded-full bg-line"
      >
        <span className="absolute inset-y-0 start-0 bg-text-2" style={{ width: share(active) }} />
        <span className="absolute inset-y-0 w-0.5 bg-text" style={{ insetInlineStart: share(peak) }} />
      </div>
    </div>
  );
}
