// The picture's place on the stage: its ratio within the free area, crop marks at its corners, and
// with the layout open the rulers and the zoom of the canvas.
import clsx from 'clsx';
import { useEffect, useRef, type ReactNode } from 'react';
import { usePrefs } from '@/app/prefs';
import { setCanvas, useCanvas } from '@/editor/layout/state';
import { zoomAbout } from '@/editor/layout/view';
import { CropMarks } from './crop-marks';
import { fit } from './fit';
import { Rulers } from './rulers';
import { useSize } from './use-size';

const MARGIN = 28; // room for crop marks
const MARGIN_RULERS = 36;
const WHEEL_ZOOM = 0.0022;

const GROUNDS = {
  auto: 'bg-stage',
  light: 'bg-[oklch(96%_0_0)]',
  mid: 'bg-[oklch(62%_0_0)]',
  dark: 'bg-[oklch(15%_0_0)]',
  checker: 'bg-[repeating-conic-gradient(oklch(72%_0_0)_0_25%,oklch(82%_0_0)_0_50%)] bg-[length:24px_24px]',
} as const;

interface Props {
  width: number;
  height: number;
  layout: boolean; // rulers, zoom
  children: ReactNode;
}

export function Frame({ width, height, layout, children }: Props) {
  const area = useRef<HTMLDivElement>(null);
  const free = useSize(area);
  const ground = usePrefs((s) => s.stage);
  const view = useCanvas((s) => s.view);
  const fitted = fit(free, width, height, layout ? MARGIN_RULERS : MARGIN);
  const zoom = layout ? view.zoom : 1;
  const size = { width: Math.round(fitted.width * zoom), height: Math.round(fitted.height * zoom) };
  const left = Math.round((free.width - size.width) / 2 + (layout ? view.x : 0));
  const top = Math.round((free.height - size.height) / 2 + (layout ? view.y : 0));

  useEffect(() => {
    const element = area.current;
    if (!element || !layout) return;
    const wheel = (e: WheelEvent) => {
      const { view: now } = useCanvas.getState();
      if (!e.ctrlKey && !e.metaKey && now.zoom <= 1) return;
      e.preventDefault();
      if (e.ctrlKey || e.metaKey) {
        const r = element.getBoundingClientRect();
        const point = { x: e.clientX - r.left - r.width / 2, y: e.clientY - r.top - r.height / 2 };
        setCanvas({ view: zoomAbout(now, point, Math.exp(-e.deltaY * WHEEL_ZOOM)) });
      } else {
        setCanvas({ view: { ...now, x: now.x - e.deltaX, y: now.y - e.deltaY } });
      }
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, [layout]);

  return (
    <div
      ref={area}
      data-stage-area
      data-zoom={zoom}
      className={clsx('relative min-h-0 flex-1 overflow-hidden select-none', GROUNDS[ground])}
    >
      {size.width > 0 && (
        <div data-picture-place className="absolute" style={{ ...size, left, top }}>
          <CropMarks />
          {children}
        </div>
      )}
      {layout && size.width > 0 && <Rulers left={left} top={top} size={size} area={free} />}
    </div>
  );
}
