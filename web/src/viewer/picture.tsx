// The picture in its window: zoomed, with its boxes over it when wanted.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { fileUrl, recipeQuery, thumbUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { read } from '@/document/caption';
import { shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { captionValue } from '@/queue/labels';
import type { PointMenu } from './point-menu';
import { useZoom, type Zoom } from './use-zoom';
import { SHARP_FROM, type Size, type View } from './zoom';

function Boxes({ id, view, size }: { id: number; view: View; size: Size }) {
  const { data: recipe } = useQuery(recipeQuery(id));
  if (!recipe) return null;
  const boxes = read(captionValue(recipe.caption_text ?? recipe.caption)).elements.filter((e) => e.box);
  const [w, h] = [size.w * view.scale, size.h * view.scale];
  return (
    <ol aria-hidden className="pointer-events-none absolute inset-0">
      {boxes.map(({ index, box, kind, text, desc }) => {
        if (!box) return null;
        const [top, left, bottom, right] = box;
        return (
          <li
            key={index}
            className="absolute border border-[#000] outline outline-[#fff]"
            style={{
              left: view.x + (left / 1000) * w,
              top: view.y + (top / 1000) * h,
              width: ((right - left) / 1000) * w,
              height: ((bottom - top) / 1000) * h,
            }}
          >
            <span className="absolute top-0 left-0 max-w-full truncate bg-ink px-1 text-micro text-on-ink">
              {index + 1} {kind === 'text' ? `“${text}”` : shorten(desc, 40)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

interface Props {
  item: Item;
  boxes: boolean;
  onSwipe: (by: 1 | -1) => void;
  onOutside: () => void;
  onZoom: (zoom: Zoom) => void; // lends it to keys and buttons outside
  menu: PointMenu;
}

export function Picture({ item, boxes, onSwipe, onOutside, onZoom, menu }: Props) {
  const t = useT().viewer;
  const ref = useRef<HTMLDivElement>(null);
  const [found, setFound] = useState<{ id: number; size: Size | null }>({ id: -1, size: null });
  const real = found.id === item.id ? found.size : null;
  const isMissing = found.id === item.id && found.size === null;
  const size: Size = real ?? { w: item.w || 1, h: item.h || 1 };
  const zoom = useZoom(ref, { picture: size, id: item.id, onSwipe, onOutside });
  const { view } = zoom;
  useEffect(() => onZoom(zoom));
  return (
    <div
        ref={ref}
        data-testid="viewer-stage"
        data-scale={view.scale.toFixed(3)}
        className="absolute inset-0 touch-none overflow-hidden select-none [-webkit-touch-callout:none]"
        style={{ cursor: zoom.isFitted ? 'zoom-in' : 'grab' }}
        {...zoom.stage}
        onContextMenu={menu.onContextMenu}
        onPointerDown={(e) => {
          menu.onPointerDown(e);
          zoom.stage.onPointerDown(e);
        }}
      >
        {isMissing ? (
          <p className="absolute inset-0 flex items-center justify-center p-6 text-center text-text-2">{t.missing}</p>
        ) : (
          <img
            key={item.id}
            src={fileUrl(item.id)}
            alt={shorten(item.title ?? (item.hld || t.noTitle))}
            width={size.w}
            height={size.h}
            draggable={false}
            onLoad={(e) => {
              const { naturalWidth: w, naturalHeight: h } = e.currentTarget;
              setFound({ id: item.id, size: { w, h } });
            }}
            onError={() => setFound({ id: item.id, size: null })}
            className="absolute top-0 left-0 max-w-none origin-top-left bg-cover"
            style={{
              width: size.w,
              height: size.h,
              transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
              imageRendering: view.scale > SHARP_FROM + 0.001 ? 'pixelated' : undefined,
              backgroundImage: real ? undefined : `url("${thumbUrl(item.id, 640)}")`,
            }}
          />
        )}
        {boxes && !isMissing && <Boxes id={item.id} view={view} size={size} />}
      </div>
  );
}
