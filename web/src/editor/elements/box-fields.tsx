// The four numbers of a box. Typing is free; on leaving a field its number counts.
import { Crosshair, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import clsx from 'clsx';
import type { Box } from '@/document/caption';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { inputLook } from '@/ui/field';
import { DEFAULT_BOX, EDGES, withEdge, type Edge } from './box-edges';

const STEP = 1;
const BIG_STEP = 10;

interface EdgeProps {
  edge: Edge;
  box: Box | null;
  onChange: (box: Box) => void;
}

function EdgeField({ edge, box, onChange }: EdgeProps) {
  const t = useT().editor;
  const [typed, setTyped] = useState<string | null>(null);
  const value = box?.[EDGES.indexOf(edge)];
  const input = useRef<HTMLInputElement>(null);
  // Leaving a field may give this one, already focused, its number: it is selected as on arrival.
  useEffect(() => {
    if (document.activeElement === input.current) input.current?.select();
  }, [value]);
  const settle = () => {
    const number = Number(typed?.replace(',', '.'));
    if (typed !== null && typed.trim() !== '' && Number.isFinite(number) && number !== value) {
      onChange(withEdge(box, edge, number));
    }
    setTyped(null);
  };
  return (
    <label className="relative flex min-w-0 flex-1">
      <span aria-hidden className="pointer-events-none absolute inset-y-0 start-1.5 flex items-center text-micro text-text-3">
        {t.boxShort[edge]}
      </span>
      <input
        ref={input}
        inputMode="numeric"
        role="spinbutton"
        aria-label={t.boxEdges[edge]}
        aria-valuenow={value}
        aria-valuemin={0}
        aria-valuemax={1000}
        autoComplete="off"
        placeholder="–"
        data-testid={`box-${edge}`}
        className={clsx(inputLook, 'num h-7 pe-1! ps-5! text-end text-caption! pointer-coarse:h-11')}
        value={typed ?? value ?? ''}
        onFocus={(e) => e.target.select()}
        onChange={(e) => setTyped(e.target.value)}
        onBlur={settle}
        onKeyDown={(e) => {
          if (e.key === 'Enter') settle();
          else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
            e.preventDefault();
            setTyped(null);
            const by = (e.key === 'ArrowUp' ? 1 : -1) * (e.shiftKey ? BIG_STEP : STEP);
            onChange(withEdge(box, edge, (value ?? DEFAULT_BOX[EDGES.indexOf(edge)]!) + by));
          }
        }}
      />
    </label>
  );
}

export interface BoxFieldsProps {
  box: Box | null;
  isBroken: boolean;
  onChange: (box: Box | null) => void;
}

export function BoxFields({ box, isBroken, onChange }: BoxFieldsProps) {
  const t = useT().editor;
  return (
    <div role="group" aria-label={t.box}>
      <div className="flex items-center gap-1">
        {EDGES.map((edge) => (
          <EdgeField key={edge} edge={edge} box={box} onChange={onChange} />
        ))}
        {box || isBroken ? (
          <IconButton size="small" label={t.boxClear} onClick={() => onChange(null)}>
            <X size={14} />
          </IconButton>
        ) : (
          <IconButton size="small" label={t.boxCentre} onClick={() => onChange(DEFAULT_BOX)}>
            <Crosshair size={14} />
          </IconButton>
        )}
      </div>
      {isBroken && <p className="mt-1 text-caption text-bad">{t.boxBroken}</p>}
    </div>
  );
}
