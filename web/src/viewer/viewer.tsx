// One picture over the whole window, with its neighbours, its recipe and everything that can be
// done to it. A native modal dialog: it keeps the focus and gives it back.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronLeft, ChevronRight, Info, Maximize, SquareDashed, Star, Trash2, X } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { fileUrl, itemQuery } from '@/api/queries';
import type { Item } from '@/api/types';
import { shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { LayerContext, useModal } from '@/ui/layer';
import { toast } from '@/ui/toasts';
import { drawAgain } from './again';
import { change, rate, trash } from './change';
import { Filmstrip } from './filmstrip';
import { viewerKey, type ViewerAction } from './keys';
import { ImageMenu } from './menu';
import { Picture } from './picture';
import { RecipePanel } from './recipe-panel';
import { usePlace } from './use-place';
import type { Zoom } from './use-zoom';

export interface ViewerProps {
  items?: (Item | number)[]; // or ids
  ids?: number[];
  index: number;
  onIndex: (index: number) => void;
  onClose: () => void;
}

const idOf = (item: Item | number): number => (typeof item === 'number' ? item : item.id);

function usePrefetch(ids: number[], index: number): void {
  useEffect(() => {
    for (const id of [ids[index + 1], ids[index - 1]]) if (id !== undefined) new Image().src = fileUrl(id);
  }, [ids, index]);
}

/** Goes to a neighbour first, then puts the picture away. */
function useTrash(ids: number[], index: number, onIndex: (i: number) => void, onClose: () => void): () => void {
  const client = useQueryClient();
  const [leaving, setLeaving] = useState<number | null>(null);
  const current = ids[index];
  useEffect(() => {
    if (leaving === null || current === leaving) return;
    setLeaving(null);
    void trash(client, leaving);
  }, [client, current, leaving]);
  return () => {
    if (current === undefined) return;
    if (ids.length === 1) {
      onClose();
      void trash(client, current);
      return;
    }
    setLeaving(current);
    onIndex(index + 1 < ids.length ? index + 1 : index - 1);
  };
}

export function Viewer({ items, ids: given, index, onIndex, onClose }: ViewerProps) {
  const t = useT().viewer;
  const client = useQueryClient();
  const ref = useRef<HTMLDialogElement>(null);
  const layer = useModal(ref);
  const zoom = useRef<Zoom | null>(null);
  const [info, setInfo] = useState(false);
  const [boxes, setBoxes] = useState(false);
  const key = (items ?? given ?? []).map(idOf).join(',');
  const ids = useMemo(() => key.split(',').filter(Boolean).map(Number), [key]);
  const one = (items ?? given ?? [])[index];
  const isWhole = typeof one === 'object';
  const found = useQuery({ ...itemQuery(idOf(one ?? -1)), enabled: one !== undefined && !isWhole });
  const item = isWhole ? one : found.data;
  const doTrash = useTrash(ids, index, onIndex, onClose);
  usePlace(ids, index, onIndex);
  usePrefetch(ids, index);
  useEffect(() => ref.current?.focus(), []);
  // A button that is disabled under the focus would take the keys with it.
  useEffect(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body || focused.matches(':disabled')) ref.current?.focus();
  }, [index]);

  const go = (to: number) => {
    const place = Math.max(0, Math.min(ids.length - 1, to));
    if (place !== index) onIndex(place);
  };
  const setStars = (stars: number) => {
    if (!item) return;
    rate(client, item, stars);
    toast({ kind: 'info', text: t.stars(stars), group: 'rating' });
  };
  const act = (action: ReturnType<typeof viewerKey>) => {
    if (action === null) return;
    if (typeof action === 'object') setStars(action.rate);
    else {
      const acts: Record<ViewerAction, () => void> = {
        previous: () => go(index - 1),
        next: () => go(index + 1),
        first: () => go(0),
        last: () => go(ids.length - 1),
        zoom: () => zoom.current?.toggle(),
        zoomIn: () => zoom.current?.by(1.5),
        zoomOut: () => zoom.current?.by(1 / 1.5),
        fit: () => zoom.current?.setFit(),
        info: () => setInfo(!info),
        boxes: () => setBoxes(!boxes),
        favorite: () => item && void change(client, item, { fav: !item.fav }),
        trash: doTrash,
        again: () => item && void drawAgain(client, item, { seed: 'new' }),
        same: () => item && void drawAgain(client, item, {}),
      };
      acts[action]();
    }
  };

  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      aria-label={t.title}
      data-testid="viewer"
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onKeyDown={(e) => {
        const action = viewerKey(e);
        if (action === null) return;
        e.preventDefault();
        e.stopPropagation();
        act(action);
      }}
      className="m-0 size-full max-h-none max-w-none bg-stage p-0 text-text outline-none"
    >
      <LayerContext value={layer}>
        <div className="flex h-full flex-col">
          <header className="flex h-12 shrink-0 items-center gap-1 border-b border-line bg-surface px-2 pointer-coarse:h-13">
            <span data-testid="viewer-counter" className="num shrink-0 px-2 text-control text-text-2">
              {t.counter(index + 1, ids.length)}
            </span>
            <span role="status" className="sr-only">
              {t.counterSaid(index + 1, ids.length)}
            </span>
            <h2 className="min-w-0 flex-1 truncate text-control font-medium max-tablet:invisible" title={item?.hld}>
              {item ? shorten(item.title ?? (item.hld || t.noTitle), 120) : ''}
            </h2>
            <IconButton label={t.boxes} keys="B" pressed={boxes} onClick={() => setBoxes(!boxes)}>
              <SquareDashed size={17} />
            </IconButton>
            <IconButton label={t.fit} keys="Z" onClick={() => zoom.current?.setFit()} className="max-tablet:hidden">
              <Maximize size={16} />
            </IconButton>
            <IconButton label={t.actual} onClick={() => zoom.current?.setActual()} className="max-tablet:hidden">
              <span className="num text-micro" aria-hidden>
                1:1
              </span>
            </IconButton>
            {item && (
              <IconButton
                label={item.fav ? t.unfavorite : t.favorite}
                keys="F"
                pressed={item.fav}
                onClick={() => void change(client, item, { fav: !item.fav })}
              >
                <Star size={17} className={item.fav ? 'fill-current' : undefined} />
              </IconButton>
            )}
            <IconButton label={t.info} keys="I" pressed={info} aria-expanded={info} onClick={() => setInfo(!info)}>
              <Info size={17} />
            </IconButton>
            <IconButton label={t.trash} keys="Del" disabled={!item} onClick={doTrash}>
              <Trash2 size={17} />
            </IconButton>
            {item && (
              <ImageMenu item={item} size="normal" onTrash={doTrash} onOpenEditor={onClose} onDetails={() => setInfo(true)} />
            )}
            <IconButton label={t.close} keys="Esc" onClick={onClose}>
              <X size={18} />
            </IconButton>
          </header>
          <div className="flex min-h-0 flex-1 max-tablet:flex-col">
            <div className="relative min-h-0 min-w-0 flex-1">
              {item && (
                <Picture
                  item={item}
                  boxes={boxes}
                  onSwipe={(by) => go(index + by)}
                  onZoom={(now) => {
                    zoom.current = now;
                  }}
                />
              )}
              {found.isError && <p className="absolute inset-0 flex items-center justify-center p-6 text-text-2">{t.gone}</p>}
              <Turn side="left" label={t.previous} disabled={index <= 0} onClick={() => go(index - 1)} />
              <Turn side="right" label={t.next} disabled={index >= ids.length - 1} onClick={() => go(index + 1)} />
            </div>
            {info && item && (
              <aside
                aria-label={t.info}
                className="scroll-thin w-84 shrink-0 overflow-y-auto border-l border-line bg-surface max-tablet:h-[52%] max-tablet:w-full max-tablet:border-t max-tablet:border-l-0"
              >
                <RecipePanel key={item.id} item={item} />
              </aside>
            )}
          </div>
          <Filmstrip ids={ids} index={index} onIndex={go} />
        </div>
      </LayerContext>
    </dialog>
  );
}

function Turn({ side, label, disabled, onClick }: { side: 'left' | 'right'; label: string; disabled: boolean; onClick: () => void }) {
  const Icon = side === 'left' ? ChevronLeft : ChevronRight;
  return (
    <IconButton
      label={label}
      keys={side === 'left' ? '←' : '→'}
      look="plain"
      size="large"
      disabled={disabled}
      onClick={onClick}
      className={side === 'left' ? 'absolute! top-1/2 left-3 -translate-y-1/2' : 'absolute! top-1/2 right-3 -translate-y-1/2'}
    >
      <Icon size={20} />
    </IconButton>
  );
}
