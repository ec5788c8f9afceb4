// A list of colours: swatches to pick, order and remove, the same list as text to paste into, and
// a picture to take them from. What is no colour is refused with a message (D27).
import clsx from 'clsx';
import { Plus } from 'lucide-react';
import { useRef, useState, type DragEvent } from 'react';
import { announce } from '@/app/ui-state';
import type { Path } from '@/document/json';
import { useCaption } from '@/document/store';
import { useT } from '@/i18n';
import { Field, inputLook } from '@/ui/field';
import { later } from '@/ui/later';
import { LintMark } from '../lint/mark';
import { ColourInput } from './colour-input';
import { ContrastLine } from './contrast-line';
import { coloursOfPicture } from './extract';
import { limited, moved, typedColours } from './list';
import { PaletteMenu } from './palette-menu';
import type { PaletteTab } from './sheet';
import { Swatch } from './swatch';
import { useSwatchDrag } from './swatch-drag';

const PaletteSheet = later(() => import('./sheet').then((m) => m.PaletteSheet));

const NEW_COLOUR = '#808080';
const EXTRACTED_MAX = 8;

export interface PaletteFieldProps {
  colours: string[];
  most: number;
  path: Path;
  onChange: (colours: string[]) => void;
  compact?: boolean; // inside a card
  className?: string;
}

export function PaletteField({ colours, most, path, onChange, compact, className }: PaletteFieldProps) {
  const t = useT().editor;
  const [typed, setTyped] = useState<string | null>(null);
  const [message, setMessage] = useState<string | null>(null);
  const [isOver, setOver] = useState(false);
  const [tab, setTab] = useState<PaletteTab | null>(null);
  const { elements } = useCaption();
  const element = typeof path[2] === 'number' ? elements[path[2]] : undefined;
  const list = useRef<HTMLUListElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const drag = useSwatchDrag(list, (from, to) => {
    onChange(moved(colours, from, to));
    announce(t.colourMoved(colours[from] ?? '', to + 1));
  });

  const change = (next: string[], why: string | null = null) => {
    setMessage(why);
    if (next.join() !== colours.join()) onChange(next);
  };
  const commit = (text: string) => {
    const { colours: read, refused, tooMany } = typedColours(text, most);
    setTyped(null);
    const why = [refused.length > 0 ? t.colourRefused(refused.join(', ')) : '', tooMany ? t.colourTooMany(most) : ''];
    change(read, why.filter(Boolean).join(' ') || null);
  };
  const add = (colour: string) => {
    if (colours.includes(colour)) setMessage(t.colourThere);
    else if (colours.length >= most) setMessage(t.colourTooMany(most));
    else change([...colours, colour]);
  };
  const takeFrom = (file: Blob) => {
    coloursOfPicture(file, Math.min(most, EXTRACTED_MAX)).then(
      (found) => {
        const next = limited([...colours, ...found], most);
        change(next.colours, next.tooMany ? t.colourTooMany(most) : null);
      },
      () => setMessage(t.fromPictureFailed),
    );
  };
  const step = (index: number, by: number, byKey: boolean) => {
    const to = Math.min(colours.length - 1, Math.max(0, index + by));
    if (to === index) return;
    change(moved(colours, index, to));
    announce(t.colourMoved(colours[index] ?? '', to + 1));
    if (byKey) focusSwatch(to);
  };
  const remove = (index: number) => {
    change(colours.toSpliced(index, 1));
    announce(t.colourRemoved(colours[index] ?? ''));
    focusSwatch(Math.min(index, colours.length - 2));
  };
  const focusSwatch = (index: number) =>
    requestAnimationFrame(() => {
      const swatches = list.current?.querySelectorAll<HTMLElement>('[data-testid="palette-swatch"], [data-add]');
      swatches?.[Math.max(0, index)]?.focus();
    });

  const dropped = (e: DragEvent) => {
    setOver(false);
    const file = [...e.dataTransfer.files].find((f) => f.type.startsWith('image/'));
    if (!file) return;
    e.preventDefault();
    e.stopPropagation();
    takeFrom(file);
  };

  const shown = drag.order(colours);
  // The same colour may stand twice in a foreign caption.
  const keys = shown.map((colour, i) => `${colour} ${shown.slice(0, i).filter((c) => c === colour).length}`);
  const size = compact ? 'size-6 pointer-coarse:size-9' : 'size-8 pointer-coarse:size-11';
  const menu = <PaletteMenu colours={colours} onAdd={add} onPicture={takeFrom} onClear={() => change([])} onOpen={setTab} />;
  const closeSheet = () => {
    setTab(null);
    requestAnimationFrame(() => root.current?.querySelector<HTMLElement>('[aria-haspopup="menu"]')?.focus());
  };
  return (
    <div ref={root} className={clsx('flex min-w-0 flex-col gap-1.5', className)}>
      <Field
        label={t.paletteText}
        hideLabel
        error={message}
        aside={
          compact ? undefined : (
            <div className="flex w-full items-center gap-1">
              <span className="text-caption font-medium text-text-2">{t.palette}</span>
              {colours.length > 0 && <span className="num text-micro text-text-3">{t.paletteOf(colours.length, most)}</span>}
              <LintMark path={path} inside />
              <span className="flex-1" />
              {menu}
            </div>
          )
        }
      >
        {({ id, describedBy, invalid }) => (
          <div
            onDragOver={(e) => {
              if (!e.dataTransfer.types.includes('Files')) return;
              e.preventDefault();
              e.stopPropagation();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={dropped}
            className={clsx('flex gap-2 rounded-control', compact ? 'flex-wrap items-center gap-1.5' : 'flex-col', isOver && 'outline-2 outline-offset-4 outline-accent outline-dashed')}
          >
            <ul ref={list} aria-label={t.palette} className="flex flex-wrap gap-1.5" {...drag.handlers}>
              {shown.map((colour, i) => (
                <Swatch
                  key={keys[i]}
                  colour={colour}
                  index={i}
                  count={colours.length}
                  size={size}
                  isDragged={drag.dragged === i}
                  onChange={(next) => change(limited(colours.with(i, next), most).colours)}
                  onMove={(by, byKey) => step(i, by, byKey)}
                  onRemove={() => remove(i)}
                />
              ))}
              {colours.length < most && (
                <li className={clsx('relative', size)}>
                  <ColourInput
                    data-add
                    label={t.colourAdd}
                    className="peer absolute inset-0 size-full cursor-pointer opacity-0"
                    value={NEW_COLOUR}
                    onPick={add}
                  />
                  <span
                    aria-hidden
                    className="pointer-events-none flex size-full items-center justify-center rounded-control border border-dashed border-line-strong text-text-2 peer-hover:bg-sunken peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent"
                  >
                    <Plus size={14} />
                  </span>
                </li>
              )}
            </ul>
            <input
              id={id}
              aria-describedby={describedBy}
              aria-invalid={invalid}
              data-testid="palette-text"
              autoComplete="off"
              spellCheck={false}
              placeholder={t.paletteExample}
              className={clsx(inputLook, 'num text-caption!', compact ? 'h-7 min-w-32 flex-1' : 'h-8', 'pointer-coarse:h-11')}
              value={typed ?? colours.join(', ')}
              onChange={(e) => setTyped(e.target.value)}
              onPaste={(e) => {
                const pasted = e.clipboardData.getData('text');
                const field = e.currentTarget;
                const isAll = field.selectionStart === 0 && field.selectionEnd === field.value.length;
                if (pasted.trim() === '') return;
                e.preventDefault();
                commit(isAll ? pasted : `${field.value.trim()}, ${pasted}`);
              }}
              onBlur={() => typed !== null && commit(typed)}
              onKeyDown={(e) => e.key === 'Enter' && typed !== null && commit(typed)}
            />
            {compact && <LintMark path={path} inside />}
            {compact && menu}
          </div>
        )}
      </Field>
      {element && (
        <ContrastLine
          isQuiet
          element={element}
          onUse={(colour) => change(limited([colour, ...colours], most).colours)}
        />
      )}
      {tab && <PaletteSheet tab={tab} colours={colours} most={most} onChange={change} onClose={closeSheet} />}
    </div>
  );
}
