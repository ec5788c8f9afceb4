// Size: ratios as chips, the area as a dial, and both sides as numbers for those who know them.
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { ArrowLeftRight, Lock, LockOpen } from 'lucide-react';
import { useState } from 'react';
import { capabilitiesQuery } from '@/api/queries';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { number, ratio as ratioText } from '@/lib/format';
import { Button, IconButton } from '@/ui/button';
import { NumberField } from '@/ui/field';
import { Tip } from '@/ui/tip';
import { clearFieldErrors, useFieldErrors } from '../field-errors';
import { resizePicture } from '../layout/resize';
import {
  FALLBACK_LIMITS,
  RATIOS,
  fit,
  isPossible,
  nameOf,
  nearest,
  nearestStop,
  ratioOf,
  side,
  stops,
  type Limits,
  type Size,
} from './size';

export function useLimits(): Limits {
  const { data } = useQuery(capabilitiesQuery);
  return data?.size ?? FALLBACK_LIMITS;
}

export function setSize(size: Size, group?: string): void {
  resizePicture(size, group);
  clearFieldErrors('width', 'height');
}

export function swapSize(): void {
  const { width, height } = useDocument.getState().doc.settings;
  setSize({ width: height, height: width });
}

function Shape({ ratio }: { ratio: number }) {
  const most = 18;
  const width = ratio >= 1 ? most : Math.max(5, most * ratio);
  const height = ratio >= 1 ? Math.max(5, most / ratio) : most;
  return (
    <span className="flex size-5 items-center justify-center" aria-hidden>
      <span className="rounded-[2px] border-[1.5px] border-current" style={{ width, height }} />
    </span>
  );
}

function Chips({ size, limits }: { size: Size; limits: Limits }) {
  const t = useT().settings;
  const now = nameOf(size);
  // The area that was asked for: a ratio that the limits bend must not enlarge the next one.
  const [kept, setKept] = useState<{ size: Size; pixels: number } | null>(null);
  const choose = (ratio: number) => {
    const isKept = kept?.size.width === size.width && kept.size.height === size.height;
    const pixels = isKept ? kept.pixels : size.width * size.height;
    const next = fit(ratio, pixels, limits);
    setKept({ size: next, pixels });
    setSize(next);
  };
  return (
    <div role="group" aria-label={t.size} className="flex flex-wrap gap-0.5">
      {RATIOS.map((r) => (
        <Tip key={r.name} text={t.ratios[r.name]}>
          <button
            type="button"
            data-testid="size-chip"
            data-ratio={r.name}
            aria-pressed={now === r.name}
            aria-label={`${t.ratios[r.name]} ${r.label}`}
            onClick={() => choose(r.ratio)}
            className={clsx(
              'flex h-11 min-w-11 flex-1 flex-col items-center justify-center rounded-control',
              now === r.name ? 'bg-accent-soft text-accent' : 'text-text-2 hover:bg-sunken hover:text-text',
            )}
          >
            <Shape ratio={r.ratio} />
            <span className="num text-micro font-medium">{r.label}</span>
          </button>
        </Tip>
      ))}
    </div>
  );
}

function Dial({ size, limits }: { size: Size; limits: Limits }) {
  const t = useT().settings;
  // The ratio that the dial turns at: rounding on the way must not change it.
  const [kept, setKept] = useState<{ size: Size; ratio: number } | null>(null);
  const isKept = kept !== null && kept.size.width === size.width && kept.size.height === size.height;
  const ratio = isKept ? kept.ratio : ratioOf(size);
  const list = stops(ratio, limits);
  const at = nearestStop(list, size.width * size.height);
  const native = nearestStop(list, limits.pixels);
  const text = number((size.width * size.height) / 1e6, 2);
  const turn = (index: number) => {
    const next = list[index];
    if (!next || (next.width === size.width && next.height === size.height)) return;
    setKept({ size: next, ratio });
    setSize(next, 'area');
  };
  return (
    <div className="flex min-w-0 flex-1 items-center gap-2">
      <div className="relative flex min-w-0 flex-1 items-center">
        <input
          type="range"
          aria-label={t.area}
          aria-valuetext={t.areaText(text, size.width, size.height)}
          data-testid="size-area"
          min={0}
          max={list.length - 1}
          value={at}
          onChange={(e) => turn(Number(e.target.value))}
          className="h-6 w-full accent-[var(--accent)] pointer-coarse:h-11"
        />
        {list.length > 1 && (
          <span
            aria-hidden
            className="pointer-events-none absolute bottom-0 h-1 w-px bg-text-3"
            style={{ insetInlineStart: `calc(8px + (100% - 16px) * ${native / (list.length - 1)})` }}
          />
        )}
      </div>
      <Tip text={at === native ? t.native : t.toNative}>
        <button
          type="button"
          onClick={() => turn(native)}
          className={clsx(
            'num min-h-6 shrink-0 rounded-control px-1 text-caption pointer-coarse:min-h-11',
            at === native ? 'text-text' : 'text-text-3 hover:text-text',
          )}
        >
          {t.megapixels(text)}
        </button>
      </Tip>
    </div>
  );
}

function Sides({ size, limits }: { size: Size; limits: Limits }) {
  const t = useT().settings;
  const errors = useFieldErrors((s) => s.errors);
  const [lock, setLock] = useState<number | null>(null); // the ratio to keep
  const low = side(limits.min, limits);
  const high = side(limits.max, limits);
  const change = (next: Partial<Size>) => {
    const { width, height } = { ...size, ...next };
    if (lock === null) setSize({ width, height }, 'sides');
    else if (next.width !== undefined) setSize({ width, height: side(width / lock, limits) }, 'sides');
    else setSize({ width: side(height * lock, limits), height }, 'sides');
  };
  const common = { min: low, max: high, step: limits.multiple, hideLabel: true, className: 'w-16 pointer-coarse:w-18' };
  return (
    <div className="flex shrink-0 items-start gap-0.5">
      <NumberField
        {...common}
        label={t.width}
        data-testid="size-w"
        value={size.width}
        error={errors.width}
        onChange={(width) => change({ width })}
      />
      <IconButton label={t.swap} size="normal" className="size-8" data-testid="size-swap" onClick={swapSize}>
        <ArrowLeftRight size={14} />
      </IconButton>
      <NumberField
        {...common}
        label={t.height}
        data-testid="size-h"
        value={size.height}
        error={errors.height}
        onChange={(height) => change({ height })}
      />
      <IconButton
        label={t.lockRatio}
        className="size-8"
        data-testid="size-lock"
        pressed={lock !== null}
        onClick={() => setLock(lock === null ? size.width / size.height : null)}
      >
        {lock === null ? <LockOpen size={14} /> : <Lock size={14} />}
      </IconButton>
    </div>
  );
}

/** The ratios, which show even where the rest is folded away. */
export function RatioChips() {
  const { width, height } = useDocument((s) => s.doc.settings);
  const limits = useLimits();
  return <Chips size={{ width, height }} limits={limits} />;
}

export function SizeSummary({ withPreset }: { withPreset: boolean }) {
  const { width, height, preset } = useDocument((s) => s.doc.settings);
  const { data } = useQuery(capabilitiesQuery);
  const quality = data?.presets?.find((p) => p.name === preset)?.label ?? preset;
  return (
    <span className="num text-caption text-text-3">
      {width} × {height} · {ratioText(width, height)}
      {withPreset && ` · ${quality}`}
    </span>
  );
}

export function SizeDetails() {
  const t = useT().settings;
  const { width, height } = useDocument((s) => s.doc.settings);
  const limits = useLimits();
  const size = { width, height };
  return (
    <div className="flex flex-col gap-1">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Sides size={size} limits={limits} />
        <Dial size={size} limits={limits} />
      </div>
      {!isPossible(size, limits) && (
        <p role="alert" className="flex items-center gap-2 text-caption text-bad">
          {t.badSize(limits.min, limits.max, limits.multiple)}
          <Button size="small" onClick={() => setSize(nearest(size, limits))}>
            {t.useNearest}
          </Button>
        </p>
      )}
    </div>
  );
}
