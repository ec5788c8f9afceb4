// One colour: a button that opens its picker, moves with Alt and arrow keys, goes with Delete.
import clsx from 'clsx';
import { ArrowLeft, ArrowRight, Trash2 } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { isExact, toColour } from '@/document/colours';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { inputLook } from '@/ui/field';
import { Tip } from '@/ui/tip';
import { ColourInput } from './colour-input';

export interface SwatchProps {
  colour: string;
  index: number;
  count: number;
  size: string;
  isDragged: boolean;
  onChange: (colour: string) => void;
  onMove: (by: number, byKey: boolean) => void;
  onRemove: () => void;
}

export function Swatch({ colour, index, count, size, isDragged, onChange, onMove, onRemove }: SwatchProps) {
  const t = useT().editor;
  const [typed, setTyped] = useState<string | null>(null);
  const [shade, setShade] = useState<string | null>(null);
  const shown = shade ?? toColour(colour);
  const name = t.colour(colour, index + 1, count);
  const settleTyped = () => {
    const next = typed === null ? null : toColour(typed);
    setTyped(null);
    if (next && next !== colour) onChange(next);
  };
  return (
    <li data-swatch={index} className={clsx(size, 'touch-pan-y', isDragged && 'opacity-60')}>
      <Popover.Root>
        <Tip text={`${colour} · ${t.colourKeys}`}>
          <Popover.Trigger asChild>
            <button
              type="button"
              data-testid="palette-swatch"
              data-colour={colour}
              aria-label={name}
              aria-keyshortcuts="Alt+ArrowLeft Alt+ArrowRight Delete"
              className={clsx(
                'flex size-full forced-color-adjust-none items-center justify-center rounded-control border text-micro',
                isExact(colour) ? 'border-line-strong' : 'border-dashed border-bad',
              )}
              style={{ background: shown ?? undefined }}
              onKeyDown={(e) => {
                const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[e.key];
                if (by && (e.altKey || e.shiftKey || e.ctrlKey)) {
                  e.preventDefault();
                  e.stopPropagation();
                  onMove(by, true);
                } else if (by) {
                  const next = e.currentTarget.closest('ul')?.querySelectorAll<HTMLElement>('[data-testid="palette-swatch"]')[index + by];
                  if (next) e.preventDefault();
                  next?.focus();
                } else if (e.key === 'Delete' || e.key === 'Backspace') {
                  e.preventDefault();
                  e.stopPropagation();
                  onRemove();
                }
              }}
            >
              {shown === null && <span className="num text-bad">?</span>}
            </button>
          </Popover.Trigger>
        </Tip>
        <Popover.Portal>
          <Popover.Content
            aria-label={name}
            sideOffset={6}
            collisionPadding={8}
            className="z-50 flex w-56 flex-col gap-2 rounded-panel bg-surface p-2 shadow-pop outline-none"
          >
            <div className="flex items-center gap-2">
              <ColourInput
                label={t.colourPick}
                className="h-8 w-12 shrink-0 cursor-pointer rounded-control border border-line-strong bg-surface p-0.5 pointer-coarse:h-11"
                value={shown ?? '#000000'}
                onShade={setShade}
                onPick={(next) => {
                  setShade(null);
                  if (next !== colour) onChange(next);
                }}
              />
              <input
                aria-label={t.colourHex}
                autoComplete="off"
                spellCheck={false}
                className={clsx(inputLook, 'num h-8 pointer-coarse:h-11')}
                value={typed ?? shade ?? colour}
                onChange={(e) => setTyped(e.target.value)}
                onBlur={settleTyped}
                onKeyDown={(e) => e.key === 'Enter' && settleTyped()}
              />
            </div>
            <div className="flex justify-between">
              <span className="flex gap-1">
                <IconButton size="small" label={t.colourEarlier} disabled={index === 0} onClick={() => onMove(-1, false)}>
                  <ArrowLeft size={14} />
                </IconButton>
                <IconButton size="small" label={t.colourLater} disabled={index === count - 1} onClick={() => onMove(1, false)}>
                  <ArrowRight size={14} />
                </IconButton>
              </span>
              <IconButton size="small" label={t.colourRemove} onClick={onRemove}>
                <Trash2 size={14} />
              </IconButton>
            </div>
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
    </li>
  );
}
