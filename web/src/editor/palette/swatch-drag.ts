// Reordering swatches by pointer. While the drag lasts the list shows the order it would have;
// the caption changes once, at the end.
import { useState, type PointerEvent, type MouseEvent, type RefObject } from 'react';
import { moved } from './list';

const THRESHOLD = 5; // pixels

interface Drag {
  from: number;
  to: number;
  x: number;
  y: number;
  isOn: boolean;
}

export function useSwatchDrag(list: RefObject<HTMLElement | null>, onMove: (from: number, to: number) => void) {
  const [drag, setDrag] = useState<Drag | null>(null);

  const placeAt = (x: number, y: number): number | null => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>('[data-swatch]') ?? [])];
    const hit = items.findIndex((item) => {
      const r = item.getBoundingClientRect();
      return x >= r.left - 3 && x <= r.right + 3 && y >= r.top - 3 && y <= r.bottom + 3;
    });
    return hit < 0 ? null : hit;
  };

  const handlers = {
    onPointerDown: (e: PointerEvent) => {
      const item = (e.target as Element).closest<HTMLElement>('[data-swatch]');
      if (!item || e.button !== 0) return;
      const from = Number(item.dataset.swatch);
      setDrag({ from, to: from, x: e.clientX, y: e.clientY, isOn: false });
    },
    onPointerMove: (e: PointerEvent) => {
      if (!drag) return;
      const isOn = drag.isOn || Math.hypot(e.clientX - drag.x, e.clientY - drag.y) > THRESHOLD;
      if (!isOn) return;
      if (!drag.isOn) list.current?.setPointerCapture(e.pointerId);
      const to = placeAt(e.clientX, e.clientY) ?? drag.to;
      if (to !== drag.to || !drag.isOn) setDrag({ ...drag, to, isOn });
    },
    onPointerUp: () => {
      if (drag?.isOn && drag.to !== drag.from) onMove(drag.from, drag.to);
      // The click that follows a drag must not open the swatch: it comes before the next task.
      if (drag) setTimeout(() => setDrag(null));
    },
    onPointerCancel: () => setDrag(null),
    onClickCapture: (e: MouseEvent) => {
      if (!drag?.isOn) return;
      e.preventDefault();
      e.stopPropagation();
    },
  };

  return {
    handlers,
    dragged: drag?.isOn ? drag.to : null,
    order: (colours: string[]): string[] => (drag?.isOn ? moved(colours, drag.from, drag.to) : colours),
  };
}
