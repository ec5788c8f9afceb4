// One picture of the grid: the picture only; star and tick where one points or stands. Clicks are
// handled by the grid, which finds out by data-act what was meant.
import clsx from 'clsx';
import { Check, ImageOff, Link2Off, Star } from 'lucide-react';
import { memo, useEffect, useState } from 'react';
import { ApiError, call } from '@/api/client';
import { thumbUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { thumbSide } from './layout';

const AGAIN_MS = 6000;
const chip = 'absolute flex items-center justify-center rounded-control';
const badge = 'pointer-events-none size-5 bg-surface/90 text-text';

export interface CardProps {
  item: Item;
  width: number;
  height: number;
  isSelected: boolean;
  isSelecting: boolean; // ticks show on all
  isActive: boolean; // pointed at or focused
  isTabStop: boolean;
}

export const Card = memo(function Card(p: CardProps) {
  const { item, width, height } = p;
  const t = useT().library;
  const [state, setState] = useState<'fine' | 'missing' | 'failed'>('fine');
  const isMissing = state === 'missing';
  useEffect(() => {
    if (state !== 'failed') return;
    const timer = setTimeout(() => setState('fine'), AGAIN_MS); // tries once more
    return () => clearTimeout(timer);
  }, [state]);
  // An <img> does not say why it failed.
  const ask = () => {
    setState('failed');
    call(thumbUrl(item.id)).catch((e: unknown) => {
      if (e instanceof ApiError && e.status >= 400 && e.status < 500) setState('missing');
    });
  };
  const text = shorten(item.title || item.hld) || t.noWords;
  const isBlocked = item.flag === 'blocked';
  const name = [
    text,
    item.fav && t.favorite,
    item.rating > 0 && t.stars(item.rating),
    isBlocked && t.blocked,
    item.prompt_id === null && t.unlinked,
    isMissing && t.fileMissing,
  ].filter(Boolean);
  return (
    <div
      role="gridcell"
      data-testid="library-item"
      data-id={item.id}
      tabIndex={p.isTabStop ? 0 : -1}
      aria-selected={p.isSelected}
      aria-label={name.join(', ')}
      style={{ width, height }}
      className={clsx(
        'relative shrink-0 cursor-pointer focus-visible:z-10',
        p.isSelected ? 'bg-accent-soft p-1.5' : 'bg-sunken',
        isBlocked && 'outline outline-dashed outline-line-strong -outline-offset-1',
      )}
    >
      {state !== 'fine' ? (
        <span className="flex h-full flex-col items-center justify-center gap-1 p-2 text-center text-caption text-text-3">
          <ImageOff size={18} aria-hidden />
          {isMissing && width > 120 && t.fileMissing}
        </span>
      ) : (
        <img
          src={thumbUrl(item.id, thumbSide(width, height, window.devicePixelRatio || 1))}
          alt={text}
          loading="lazy"
          decoding="async"
          draggable={false}
          onError={ask}
          className={clsx('size-full object-cover select-none', isBlocked && 'opacity-40')}
        />
      )}
      {isBlocked && width > 110 && (
        <span className="pointer-events-none absolute inset-x-1 bottom-1 truncate rounded-thumb bg-surface/90 px-1.5 text-center text-micro font-medium text-text-2">
          {t.blocked}
        </span>
      )}
      {item.fav && !p.isActive && (
        <span className={clsx(chip, badge, 'top-1 end-1')}>
          <Star size={12} fill="currentColor" aria-hidden />
        </span>
      )}
      {item.prompt_id === null && !isBlocked && (
        <span className={clsx(chip, badge, 'bottom-1 start-1')} title={t.unlinked}>
          <Link2Off size={12} aria-hidden />
        </span>
      )}
      {item.rating > 0 && !isBlocked && width > 90 && (
        <span className="num pointer-events-none absolute end-1 bottom-1 flex h-5 items-center gap-0.5 rounded-control bg-surface/90 px-1 text-micro text-text" aria-hidden>
          {item.rating}
          <Star size={10} fill="currentColor" />
        </span>
      )}
      {(p.isActive || p.isSelecting || p.isSelected) && (
        <button
          type="button"
          tabIndex={-1}
          data-act="select"
          aria-pressed={p.isSelected}
          aria-label={t.select}
          className={clsx(chip, 'top-0 start-0 size-8 pointer-coarse:size-11')}
        >
          <span
            className={clsx(
              'flex size-5 items-center justify-center rounded-control border',
              p.isSelected ? 'border-accent bg-accent text-on-accent' : 'border-line-strong bg-surface/90 text-transparent',
            )}
          >
            {p.isSelected && <Check size={14} strokeWidth={3} aria-hidden />}
          </span>
        </button>
      )}
      {p.isActive && (
        <button
          type="button"
          tabIndex={-1}
          data-act="fav"
          aria-pressed={item.fav}
          aria-label={t.favorite}
          className={clsx(chip, 'top-0 end-0 size-8 pointer-coarse:size-11')}
        >
          <span className="flex size-6 items-center justify-center rounded-control bg-surface/90 text-text hover:bg-surface">
            <Star size={14} fill={item.fav ? 'currentColor' : 'none'} aria-hidden />
          </span>
        </button>
      )}
    </div>
  );
});
