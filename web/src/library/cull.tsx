// Sorting out: one picture over the whole window after the other, each kept, rejected, rated or
// passed over. At the end the rejected ones go to the trash, if one says so.
import { Check, ChevronLeft, ChevronRight, Star, Trash2, X } from 'lucide-react';
import clsx from 'clsx';
import { useEffect, useMemo, useRef, useState } from 'react';
import { fileUrl, thumbUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { announce } from '@/app/ui-state';
import { usePrefs } from '@/app/prefs';
import { shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { LayerContext, useModal } from '@/ui/layer';
import { Rating } from '@/viewer/rating';
import type { Change } from './actions';
import { cullKey, judged, nextOpen, withVerdict, type CullAction, type Verdict, type Verdicts } from './cull-state';

const NEAR_END = 20;

export interface CullProps {
  items: Item[]; // as far as they are loaded
  total: number;
  start: number | undefined; // id
  onMore: () => void; // more are wanted
  onChange: (id: number, change: Change) => void;
  onTrash: (ids: number[]) => void;
  onSelect: (ids: number[]) => void;
  onClose: (last: number | undefined) => void;
}

export default function Cull(p: CullProps) {
  const t = useT();
  const { items, onMore } = p;
  const letters = usePrefs((s) => s.letterKeys);
  const ref = useRef<HTMLDialogElement>(null);
  const layer = useModal(ref);
  const ids = useMemo(() => items.map((item) => item.id), [items]);
  const [current, setCurrent] = useState(p.start ?? ids[0]);
  const [verdicts, setVerdicts] = useState<Verdicts>(new Map());
  const [isEnding, setEnding] = useState(false);
  const index = Math.max(0, current === undefined ? 0 : ids.indexOf(current));
  const item = items[index];
  const kept = withVerdict(verdicts, 'keep');
  const rejected = withVerdict(verdicts, 'reject');
  const verdict = item && verdicts.get(item.id);

  useEffect(() => ref.current?.focus(), [isEnding]);
  useEffect(() => {
    for (const id of [ids[index + 1], ids[index + 2], ids[index - 1]]) if (id !== undefined) new Image().src = fileUrl(id);
    if (index > ids.length - NEAR_END && ids.length < p.total) onMore();
  }, [ids, index, onMore, p.total]);

  const go = (to: number) => {
    const id = ids[Math.max(0, Math.min(ids.length - 1, to))];
    if (id !== undefined) setCurrent(id);
  };
  const judge = (how: Verdict) => {
    if (!item) return;
    const next = judged(verdicts, item.id, how);
    setVerdicts(next);
    if (!next.has(item.id)) return; // taken back: stay
    announce(how === 'keep' ? t.library.cull.kept : t.library.cull.rejected);
    const open = nextOpen(ids, next, index);
    if (open === -1 && ids.length >= p.total) setEnding(true);
    else go(open === -1 ? index + 1 : open);
  };
  const end = () => {
    if (kept.length + rejected.length === 0 || isEnding) p.onClose(item?.id);
    else setEnding(true);
  };
  const act = (action: CullAction) => {
    if (typeof action === 'object') return item && p.onChange(item.id, { rating: action.rate });
    const acts: Record<typeof action, () => void> = {
      keep: () => judge('keep'),
      reject: () => judge('reject'),
      next: () => go(index + 1),
      previous: () => go(index - 1),
      first: () => go(0),
      last: () => go(ids.length - 1),
      favorite: () => item && p.onChange(item.id, { fav: !item.fav }),
      end,
    };
    acts[action]();
  };
  const text = item ? shorten(item.title || item.hld) || t.library.noWords : '';
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      aria-label={t.library.cull.title}
      data-testid="cull"
      onCancel={(e) => {
        e.preventDefault();
        end();
      }}
      onKeyDown={(e) => {
        const target = e.target instanceof Element ? e.target : null;
        const isOn = target?.closest('button, input');
        if (isEnding || (isOn && (e.key === ' ' || e.key.startsWith('Arrow')))) return;
        const action = cullKey(e, letters);
        if (action === null) return;
        e.preventDefault();
        e.stopPropagation();
        act(action);
      }}
      className="m-0 size-full max-h-none max-w-none bg-stage p-0 text-text outline-none"
    >
      <LayerContext value={layer}>
        <div className="flex h-full flex-col">
          <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line bg-surface px-3 pointer-coarse:h-13">
            <span data-testid="cull-counter" className="num shrink-0 text-control text-text-2">
              {t.library.cull.counter(index + 1, p.total)}
            </span>
            <h2 className="min-w-0 flex-1 truncate text-control font-medium max-tablet:invisible">{text}</h2>
            <span data-testid="cull-tally" className="shrink-0 text-control tabular-nums text-text-2">
              {t.library.cull.tally(kept.length, rejected.length)}
            </span>
            <Button size="small" onClick={end} data-testid="cull-end">
              {t.library.cull.end}
            </Button>
          </header>
          {isEnding ? (
            <Ending
              kept={kept.length}
              rejected={rejected.length}
              onBack={() => setEnding(false)}
              onTrash={() => p.onTrash(rejected)}
              onSelect={() => p.onSelect(kept)}
              onClose={() => p.onClose(item?.id)}
            />
          ) : (
            <>
              <div className="relative min-h-0 flex-1">
                {item && (
                  <span key={item.id} className={clsx('absolute inset-0 p-4 max-tablet:p-0', verdict === 'reject' && 'opacity-40')}>
                    {/* The small one until the whole one is there. */}
                    <span className="relative block size-full">
                      <img src={thumbUrl(item.id)} alt="" draggable={false} className="absolute inset-0 size-full object-contain" />
                      <img src={fileUrl(item.id)} alt={text} draggable={false} className="absolute inset-0 size-full object-contain select-none" />
                    </span>
                  </span>
                )}
                {verdict && (
                  <span className="absolute start-3 top-3 flex items-center gap-1.5 rounded-control bg-surface px-2.5 py-1 text-control font-medium">
                    {verdict === 'keep' ? <Check size={14} aria-hidden /> : <X size={14} aria-hidden />}
                    {verdict === 'keep' ? t.library.cull.kept : t.library.cull.rejected}
                  </span>
                )}
              </div>
              <footer className="flex shrink-0 flex-wrap items-center justify-center gap-2 border-t border-line bg-surface px-3 py-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
                <IconButton label={t.library.cull.previous} keys="←" disabled={index <= 0} onClick={() => act('previous')}>
                  <ChevronLeft size={18} />
                </IconButton>
                <Button
                  data-testid="cull-reject"
                  icon={<X size={16} aria-hidden />}
                  aria-pressed={verdict === 'reject'}
                  onClick={() => act('reject')}
                  className="min-w-28"
                >
                  {t.library.cull.reject} <Key letters={letters}>X</Key>
                </Button>
                <Button
                  look="ink"
                  data-testid="cull-keep"
                  icon={<Check size={16} aria-hidden />}
                  aria-pressed={verdict === 'keep'}
                  onClick={() => act('keep')}
                  className="min-w-28"
                >
                  {t.library.cull.keep} <Key letters={letters}>K</Key>
                </Button>
                <IconButton label={t.library.cull.next} keys="→" disabled={index >= ids.length - 1} onClick={() => act('next')}>
                  <ChevronRight size={18} />
                </IconButton>
                {item && (
                  <span className="flex items-center gap-1 tablet:ms-4">
                    <Rating value={item.rating} onChange={(rating) => p.onChange(item.id, { rating })} />
                    <span className="mx-1 h-5 w-px bg-line" aria-hidden />
                    <IconButton
                      label={item.fav ? t.library.unfavorite : t.library.favorite}
                      keys="F"
                      pressed={item.fav}
                      onClick={() => act('favorite')}
                    >
                      <Star size={16} fill={item.fav ? 'currentColor' : 'none'} />
                    </IconButton>
                  </span>
                )}
              </footer>
            </>
          )}
        </div>
      </LayerContext>
    </dialog>
  );
}

function Key({ letters, children }: { letters: boolean; children: string }) {
  if (!letters) return null;
  return (
    <kbd aria-hidden className="text-micro font-normal opacity-70 pointer-coarse:hidden">
      {children}
    </kbd>
  );
}

interface EndingProps {
  kept: number;
  rejected: number;
  onBack: () => void;
  onTrash: () => void;
  onSelect: () => void;
  onClose: () => void;
}

function Ending(p: EndingProps) {
  const t = useT().library;
  return (
    <div className="flex min-h-0 flex-1 flex-col items-center justify-center gap-4 p-6 text-center">
      <p className="text-display font-semibold">{t.cull.tally(p.kept, p.rejected)}</p>
      <p className="max-w-prose text-text-2">{p.rejected > 0 ? t.cull.endText : t.cull.endKept}</p>
      <div className="flex flex-wrap items-center justify-center gap-2">
        {p.rejected > 0 && (
          <Button look="ink" icon={<Trash2 size={16} aria-hidden />} onClick={p.onTrash} data-testid="cull-trash">
            {t.cull.trash(p.rejected)}
          </Button>
        )}
        {p.kept > 0 && (
          <Button onClick={p.onSelect} data-testid="cull-select">
            {t.cull.select(p.kept)}
          </Button>
        )}
        <Button onClick={p.onBack}>{t.cull.back}</Button>
        <Button look="quiet" onClick={p.onClose}>
          {t.cull.leave}
        </Button>
      </div>
    </div>
  );
}
