// The canvas's own tools, over the stage: what the next box is, boxes on or off, zoom.
import { Box, Eye, EyeOff, Maximize, Minus, Plus, Type } from 'lucide-react';
import { setUi, useUi } from '@/app/ui-state';
import { useTextError } from '@/document/store';
import { useT } from '@/i18n';
import { number } from '@/lib/format';
import { IconButton } from '@/ui/button';
import { setCanvas, useCanvas } from './state';
import { zoomBy, zoomFit } from './view';

const STEP = 1.25;
const ICON = 16;

export function CanvasTools() {
  const t = useT().layout;
  const kind = useCanvas((s) => s.kind);
  const zoom = useCanvas((s) => s.view.zoom);
  const boxesHidden = useUi((s) => s.boxesHidden);
  const broken = useTextError();
  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-2 flex flex-col items-center gap-2 px-2">
      {broken && (
        <p role="status" className="pointer-events-auto rounded-control bg-warn-soft px-3 py-1.5 text-control text-text">
          {t.readOnly}
        </p>
      )}
      <div
        role="toolbar"
        aria-label={t.tools}
        className="pointer-events-auto flex items-center rounded-panel bg-surface p-0.5 shadow-pop"
      >
        <IconButton label={`${t.next}: ${t.kindNames.obj}`} keys="O" pressed={kind === 'obj'} onClick={() => setCanvas({ kind: 'obj' })}>
          <Box size={ICON} />
        </IconButton>
        <IconButton label={`${t.next}: ${t.kindNames.text}`} keys="T" pressed={kind === 'text'} onClick={() => setCanvas({ kind: 'text' })}>
          <Type size={ICON} />
        </IconButton>
        <span aria-hidden className="mx-1 h-4 w-px bg-line" />
        <IconButton
          label={boxesHidden ? t.showAgain : t.hideBoxes}
          keys="H"
          pressed={boxesHidden}
          onClick={() => setUi({ boxesHidden: !boxesHidden })}
        >
          {boxesHidden ? <EyeOff size={ICON} /> : <Eye size={ICON} />}
        </IconButton>
        <span aria-hidden className="mx-1 h-4 w-px bg-line" />
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
