// One picture over the whole window, with its neighbours, its recipe and everything that can be
// done to it. A native modal dialog: it keeps the focus and gives it back.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronLeft, ChevronRight, X } from 'lucide-react';
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
import { moveView, viewerKey, type ViewerAction } from './keys';
import { Picture } from './picture';
import { pictureMenu } from './point-menu';
import { RecipePanel } from './recipe-panel';
import { usePlace } from './use-place';
import type { Zoom } from './use-zoom';
import { ViewerBar } from './viewer-bar';

export interface ViewerProps {
  items?: (Item | number)[]; // or ids
  ids?: number[];
  index: number;
  total?: number; // when not all are loaded
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

export function Viewer({ items, ids: given, index, total, onIndex, onClose }: ViewerProps) {
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
  const special = { onTrash: doTrash, onOpenEditor: onClose, onDetails: () => setInfo(true) };
  const setStars = (stars: number) => {
    if (!item) return;
    rate(client, item, stars);
    toast({ kind: 'info', text: t.stars(stars), group: 'rating' });
  };
  const act = (action: ReturnType<typeof viewerKey>) => {
    if (action === null) return;
    if (typeof action === 'object') setStars(action.rate);
    else if (!moveView(zoom.current, action)) {
      const acts: Partial<Record<ViewerAction, () => void>> = {
        previous: () => go(index - 1),
        next: () => go(index + 1),
        first: () => go(0),
        last: () => go(ids.length - 1),
        info: () => setInfo(!info),
        boxes: () => setBoxes(!boxes),
        favorite: () => item && void change(client, item, { fav: !item.fav }),
        trash: doTrash,
        again: () => item && void drawAgain(client, item, { seed: 'new' }),
        same: () => item && void drawAgain(client, item, {}),
      };
      acts[action]?.();
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
        {/* One row above the picture; on phones what one does to it stands below, under the thumb. */}
        <div className="grid h-full grid-cols-[minmax(0,1fr)_auto_auto] grid-rows-[auto_minmax(0,1fr)_auto] max-tablet:grid-rows-[auto_minmax(0,1fr)_auto_auto]">
          <header className="flex h-12 items-center gap-1 border-b border-line bg-surface ps-2 pointer-coarse:h-13 max-tablet:col-span-2 max-tablet:ps-24">
            <span data-testid="viewer-counter" className="num shrink-0 px-2 text-control text-text-2">
              {t.counter(index + 1, Math.max(total ?? 0, ids.length))}
            </span>
            <span role="status" className="sr-only">
              {t.counterSaid(index + 1, Math.max(total ?? 0, ids.length))}
            </span>
            <h2 className="min-w-0 flex-1 truncate text-control font-medium" title={item?.hld}>
              {item ? shorten(item.title ?? (item.hld || t.noTitle), 80) : ''}
            </h2>
          </header>
          <ViewerBar
            item={item}
            zoom={() => zoom.current}
            boxes={boxes}
            info={info}
            onBoxes={() => setBoxes(!boxes)}
            onInfo={() => setInfo(!info)}
            special={special}
          />
          <div className="flex items-center border-b border-line bg-surface px-2 tablet:ps-1">
            <IconButton label={t.close} keys="Esc" onClick={onClose}>
              <X size={18} />
            </IconButton>
          </div>
          <div className="col-span-3 flex min-h-0 max-tablet:flex-col">
            <div className="flex min-h-0 min-w-0 flex-1 tablet:relative">
              <div className="relative flex-1">
                {item && (
                  <Picture
                    item={item}
                    boxes={boxes}
                    onSwipe={(by) => go(index + by)}
                    onOutside={onClose}
                    onZoom={(now) => {
                      zoom.current = now;
                    }}
                    menu={pictureMenu(item, special)}
                  />
                )}
                {found.isError && <p className="absolute inset-0 flex items-center justify-center p-6 text-text-2">{t.gone}</p>}
              </div>
              <Turn side="left" label={t.previous} disabled={index <= 0} onClick={() => go(index - 1)} />
              <Turn side="right" label={t.next} disabled={index >= ids.length - 1} onClick={() => go(index + 1)} />
            </div>
            {info && item && (
              <aside
                aria-label={t.info}
                className="scroll-thin w-84 shrink-0 overflow-y-auto border-s border-line bg-surface max-tablet:h-[52%] max-tablet:w-full max-tablet:border-t max-tablet:border-s-0"
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

// Over the picture's edges; on phones, where it would cover it, at the top left (the header leaves
// the place), and the picture is swiped.
const TURN = {
  left: 'absolute! tablet:top-1/2 tablet:start-3 tablet:-translate-y-1/2 max-tablet:top-1 max-tablet:start-1 max-tablet:border-transparent! max-tablet:bg-transparent!',
  right:
    'absolute! tablet:top-1/2 tablet:end-3 tablet:-translate-y-1/2 max-tablet:top-1 max-tablet:start-12 max-tablet:border-transparent! max-tablet:bg-transparent!',
};

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
      className={TURN[side]}
    >
      <Icon size={20} className="rtl:-scale-x-100" />
    </IconButton>
  );
}
