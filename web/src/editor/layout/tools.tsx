// The canvas's own tools, over the stage: what the next box is, boxes on or off, zoom. They stand
// below the picture, or beside it where there is more room, so that they cover no box.
import clsx from 'clsx';
import { useRef, type RefObject } from 'react';
import { Box, Eye, EyeOff, Maximize, Minus, Plus, Type } from 'lucide-react';
import { setUi, useUi } from '@/app/ui-state';
import { useSettings, useTextError } from '@/document/store';
import { useT } from '@/i18n';
import { number } from '@/lib/format';
import { fit } from '@/stage/fit';
import { useSize } from '@/stage/use-size';
import { IconButton } from '@/ui/button';
import { setCanvas, useCanvas } from './state';
import { zoomBy, zoomFit } from './view';

const STEP = 1.25;
const ICON = 16;
const MARGIN = 36; // around the picture, as the stage has it
const ROOM = 56; // for the tools
const LONG = 340;

/** Whether the picture leaves more room at its sides than below. */
function useBeside(ref: RefObject<HTMLElement | null>): boolean {
  const area = useSize(ref);
  const { width, height } = useSettings();
  const picture = fit(area, width, height, MARGIN);
  const below = (area.height - picture.height) / 2;
  const beside = (area.width - picture.width) / 2;
  return below < ROOM && beside > below && area.height > LONG;
}

export function CanvasTools() {
  const t = useT().layout;
  const kind = useCanvas((s) => s.kind);
  const zoom = useCanvas((s) => s.view.zoom);
  const boxesHidden = useUi((s) => s.boxesHidden);
  const broken = useTextError();
  const area = useRef<HTMLDivElement>(null);
  const isBeside = useBeside(area);
  const line = <span aria-hidden className={clsx('bg-line', isBeside ? 'my-1 h-px w-4' : 'mx-1 h-4 w-px')} />;
  return (
    <div ref={area} className="pointer-events-none absolute inset-0">
      {broken && (
        <p
          role="status"
          className={clsx(
            'pointer-events-auto absolute inset-x-0 mx-auto w-fit max-w-[calc(100%-1rem)] rounded-control bg-warn-soft px-3 py-1.5 text-control text-text',
            isBeside ? 'bottom-2' : 'bottom-13 pointer-coarse:bottom-16',
          )}
        >
          {t.readOnly}
        </p>
      )}
      <div
        role="toolbar"
        aria-label={t.tools}
        aria-orientation={isBeside ? 'vertical' : 'horizontal'}
        className={clsx(
          'pointer-events-auto absolute flex items-center rounded-panel bg-surface p-0.5 shadow-pop',
          isBeside ? 'end-2 top-1/2 -translate-y-1/2 flex-col' : 'inset-x-0 bottom-2 mx-auto w-fit',
        )}
      >
        <IconButton label={`${t.next}: ${t.kindNames.obj}`} keys="O" pressed={kind === 'obj'} onClick={() => setCanvas({ kind: 'obj' })}>
          <Box size={ICON} />
        </IconButton>
        <IconButton label={`${t.next}: ${t.kindNames.text}`} keys="T" pressed={kind === 'text'} onClick={() => setCanvas({ kind: 'text' })}>
          <Type size={ICON} />
        </IconButton>
        {line}
        <IconButton
          label={boxesHidden ? t.showAgain : t.hideBoxes}
          keys="H"
          pressed={boxesHidden}
          onClick={() => setUi({ boxesHidden: !boxesHidden })}
        >
          {boxesHidden ? <EyeOff size={ICON} /> : <Eye size={ICON} />}
        </IconButton>
        {line}
        <IconButton label={t.zoomOut} keys="-" onClick={() => zoomBy(1 / STEP)}>
          <Minus size={ICON} />
        </IconButton>
        <span className="num w-11 text-center text-caption text-text-2">{`${number(zoom * 100)} %`}</span>
        <IconButton label={t.zoomIn} keys="+" onClick={() => zoomBy(STEP)}>
          <Plus size={ICON} />
        </IconButton>
        <IconButton label={t.fit} keys="0" onClick={zoomFit}>
          <Maximize size={ICON} />
        </IconButton>
      </div>
    </div>
  );
}
