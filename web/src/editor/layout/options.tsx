// How the canvas helps: grid, snapping, boxes in other modes, a picture underneath.
import { useRef } from 'react';
import { ImagePlus } from 'lucide-react';
import { setPrefs, usePrefs } from '@/app/prefs';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Field, SelectField } from '@/ui/field';
import type { GridKind } from './geometry';
import { setCanvas, setKept, setUnderlay, useCanvas } from './state';

const GRIDS: GridKind[] = ['off', '12', '24', 'thirds', 'golden'];

function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="flex min-h-6 cursor-pointer items-center gap-2 text-control pointer-coarse:min-h-11">
      <input type="checkbox" checked={checked} onChange={(e) => onChange(e.target.checked)} className="size-4 accent-accent" />
      {label}
    </label>
  );
}

export function CanvasOptions() {
  const t = useT().layout;
  const grid = usePrefs((s) => s.grid);
  const snapping = useCanvas((s) => s.snapping);
  const showBoxes = useCanvas((s) => s.showBoxes);
  const keepShapes = useCanvas((s) => s.keepShapes);
  const underlay = useCanvas((s) => s.underlay);
  const file = useRef<HTMLInputElement>(null);
  return (
    <div className="flex flex-col gap-3">
      <SelectField label={t.grid} value={grid} onChange={(e) => setPrefs({ grid: e.target.value as GridKind })}>
        {GRIDS.map((kind) => (
          <option key={kind} value={kind}>
            {t.grids[kind]}
          </option>
        ))}
      </SelectField>
      <div className="flex flex-col gap-1">
        <Check label={t.snapping} checked={snapping} onChange={(on) => setKept({ snapping: on })} />
        <Check label={t.showBoxes} checked={showBoxes} onChange={(on) => setKept({ showBoxes: on })} />
        <Check label={t.keepShapes} checked={keepShapes} onChange={(on) => setKept({ keepShapes: on })} />
      </div>
      <div className="flex flex-col gap-1">
        <span className="text-caption font-medium text-text-2">{t.underlay}</span>
        <div className="flex flex-wrap items-center gap-2">
          <Button size="small" icon={<ImagePlus size={14} />} onClick={() => file.current?.click()}>
            {t.underlayChoose}
          </Button>
          {underlay && (
            <Button size="small" look="quiet" onClick={() => setUnderlay(null)}>
              {t.underlayRemove}
            </Button>
          )}
          <input
            ref={file}
            type="file"
            accept="image/*"
            aria-label={t.underlayChoose}
            className="hidden"
            onChange={(e) => {
              const chosen = e.target.files?.[0];
              if (chosen?.type.startsWith('image/')) setUnderlay(chosen);
              e.target.value = '';
            }}
          />
        </div>
        {underlay && (
          <Field label={t.opacity}>
            {({ id }) => (
              <input
                id={id}
                type="range"
                min={0.1}
                max={1}
                step={0.05}
                value={underlay.opacity}
                className="accent-accent"
                onChange={(e) => setCanvas({ underlay: { ...underlay, opacity: Number(e.target.value) } })}
              />
            )}
          </Field>
        )}
        <p className="text-caption text-text-3">{t.underlayNote}</p>
      </div>
    </div>
  );
}
