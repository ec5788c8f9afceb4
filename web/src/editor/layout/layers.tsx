// The elements as a list, in the order of the caption. Dragging the grip or the arrow buttons move
// an element; those without a box stand apart and can be dragged onto the stage.
import { useRef, useState, type PointerEvent } from 'react';
import { useUi } from '@/app/ui-state';
import { useCaption, useTextError } from '@/document/store';
import type { Box, Element } from '@/document/caption';
import { useT } from '@/i18n';
import * as act from './actions';
import { boxAt } from './geometry';
import { LayerRow } from './layer-row';
import { useLevels } from './levels';
import { endLive, setLive } from './state';

/** Where an element that is dragged out of the list would be put; null: not over the canvas. */
function boxUnder(x: number, y: number): Box | null {
  const r = document.querySelector('[data-canvas]')?.getBoundingClientRect();
  const area = document.querySelector('[data-stage-area]')?.getBoundingClientRect();
  const isOver = (a: DOMRect | undefined) => a && x >= a.left && x <= a.right && y >= a.top && y <= a.bottom;
  if (!r || !isOver(r) || !isOver(area)) return null;
  return boxAt({ x: ((x - r.left) / r.width) * 1000, y: ((y - r.top) / r.height) * 1000 });
}

export function Layers() {
  const t = useT().layout;
  const { elements } = useCaption();
  const selection = useUi((s) => s.selection);
  const isDisabled = useTextError() !== null;
  const levels = useLevels();
  const root = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);

  const onGrip = (down: PointerEvent, from: number) => {
    down.preventDefault();
    const rows = () => [...(root.current?.querySelectorAll<HTMLElement>('[data-layer]') ?? [])];
    const isPlaced = elements[from]?.box !== null;
    let to = from;
    const move = (e: globalThis.PointerEvent) => {
      const over = rows().find((r) => {
        const box = r.getBoundingClientRect();
        return e.clientY >= box.top && e.clientY < box.bottom && e.clientX >= box.left && e.clientX <= box.right;
      });
      to = over ? Number(over.dataset.layer) : from;
      setDrag({ from, to });
      if (isPlaced) return;
      const place = boxUnder(e.clientX, e.clientY);
      setLive({ made: place ? [place] : [] });
    };
    const key = (e: KeyboardEvent) => {
      if (e.key !== 'Escape') return;
      e.preventDefault();
      e.stopPropagation();
      stop();
    };
    const stop = () => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
      window.removeEventListener('keydown', key, true);
      setDrag(null);
      endLive();
    };
    const end = (e: globalThis.PointerEvent) => {
      stop();
      if (e.type === 'pointercancel') return;
      const place = isPlaced ? null : boxUnder(e.clientX, e.clientY);
      if (place) {
        act.placeBoxes({ [from]: place });
        act.select([from]);
      } else act.moveTo(from, to);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
    window.addEventListener('keydown', key, true);
  };

  const rows = (list: Element[]) => (
    <ol className="flex flex-col gap-px">
      {list.map((e) => (
        <LayerRow
          key={e.index}
          element={e}
          count={elements.length}
          isSelected={selection.includes(e.index)}
          isDisabled={isDisabled}
          level={levels.get(e.index)}
          onGrip={onGrip}
          drop={drag?.to !== e.index || drag.from === drag.to ? null : drag.to > drag.from ? 'after' : 'before'}
          isDragged={drag?.from === e.index}
        />
      ))}
    </ol>
  );
  const placed = elements.filter((e) => e.box);
  const unplaced = elements.filter((e) => !e.box);
  return (
    <div ref={root} data-layers className="scroll-thin -mx-1 flex max-h-72 flex-col gap-2 overflow-y-auto px-1 pointer-coarse:max-h-none">
      {elements.length === 0 && <p className="text-control text-text-3">{t.noLayers}</p>}
      {placed.length > 0 && rows(placed)}
      {unplaced.length > 0 && (
        <>
          <h3 className="text-caption font-medium text-text-2">{t.unplaced}</h3>
          {rows(unplaced)}
        </>
      )}
    </div>
  );
}
