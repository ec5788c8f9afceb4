// The elements as a list, in the order of the caption. Dragging the grip or the arrow buttons move
// an element; those without a box stand apart and can be drawn onto the stage.
import { useRef, useState, type PointerEvent } from 'react';
import clsx from 'clsx';
import { ChevronDown, ChevronUp, Eye, EyeOff, GripVertical, Lock, LockOpen, Trash2 } from 'lucide-react';
import { useShallow } from 'zustand/react/shallow';
import { setUi, useUi } from '@/app/ui-state';
import { useCaption, useTextError } from '@/document/store';
import type { Element } from '@/document/caption';
import { useT } from '@/i18n';
import { useKeepFocus } from '@/lib/use-keep-focus';
import { Button, IconButton } from '@/ui/button';
import * as act from './actions';
import { boxAt } from './geometry';
import { colourOf, firstWords, placeName } from './names';
import { toggleHidden, toggleLocked, useCanvas } from './state';

const ICON = 14;

function pick(e: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }, index: number): void {
  const now = useUi.getState().selection;
  if (!e.shiftKey && !e.ctrlKey && !e.metaKey) setUi({ selection: [index] });
  else setUi({ selection: now.includes(index) ? now.filter((i) => i !== index) : [...now, index] });
}

/** Puts an element onto the canvas where the pointer is; false: it is not over the canvas. */
function placeAt(index: number, x: number, y: number): boolean {
  const canvas = document.querySelector('[data-canvas]');
  const r = canvas?.getBoundingClientRect();
  if (!r || x < r.left || x > r.right || y < r.top || y > r.bottom) return false;
  const point = { x: ((x - r.left) / r.width) * 1000, y: ((y - r.top) / r.height) * 1000 };
  act.placeBoxes({ [index]: boxAt(point) });
  act.select([index]);
  return true;
}

interface RowProps {
  element: Element;
  count: number;
  isSelected: boolean;
  isDisabled: boolean;
  onGrip: (e: PointerEvent, index: number) => void;
  drop: 'before' | 'after' | null; // where the dragged one would go
  isDragged: boolean;
}

function Row({ element, count, isSelected, isDisabled, onGrip, drop, isDragged }: RowProps) {
  const t = useT();
  const l = t.layout;
  const { index } = element;
  const { isLocked, isHidden } = useCanvas(
    useShallow((s) => ({ isLocked: s.locked.includes(index), isHidden: s.hidden.includes(index) })),
  );
  const name = firstWords(element, l);
  const row = useRef<HTMLLIElement>(null);
  useKeepFocus(row, `[data-layer="${index}"] [aria-pressed]`, '[data-layer]:last-child [aria-pressed]', '[data-layout-add]');
  return (
    <li
      ref={row}
      data-layer={index}
      data-testid="layer"
      className={clsx(
        'group flex h-9 items-center rounded-control pointer-coarse:h-12',
        isSelected ? 'bg-accent-soft' : 'hover:bg-sunken',
        drop === 'after' && 'shadow-[0_2px_0_var(--accent)]',
        drop === 'before' && 'shadow-[0_-2px_0_var(--accent)]',
        isDragged && 'opacity-50',
      )}
    >
      <span
        aria-hidden
        title={element.box ? l.grip(name) : l.gripPlace(name)}
        onPointerDown={(e) => !isDisabled && onGrip(e, index)}
        className="flex h-full w-6 shrink-0 cursor-grab touch-none items-center justify-center text-text-3 pointer-coarse:w-9"
      >
        <GripVertical size={ICON} />
      </span>
      <button
        type="button"
        aria-pressed={isSelected}
        onClick={(e) => pick(e, index)}
        className="flex h-full min-w-0 flex-1 items-center gap-2 text-left"
      >
        <span
          style={element.box ? { backgroundColor: colourOf(index) } : undefined}
          className="num flex h-5 min-w-5 items-center justify-center rounded-thumb border border-line-strong px-1 text-micro text-[#000] not-[[style]]:text-text-2"
        >
          {index + 1}
        </span>
        <span className={clsx('truncate text-control', element.kind === 'text' && 'font-semibold', isHidden && 'opacity-50')}>
          {name}
        </span>
        <span className="ml-auto shrink-0 pr-1 text-caption text-text-3">{l.kindNames[element.kind]}</span>
        <span className="sr-only">{element.box ? placeName(element.box, l) : l.unplacedOne}</span>
      </button>
      <div className={clsx('flex shrink-0', !isSelected && 'pointer-fine:sr-only pointer-fine:group-hover:not-sr-only pointer-fine:group-focus-within:not-sr-only')}>
        <IconButton size="small" label={l.up} disabled={index === 0 || isDisabled} onClick={() => act.moveTo(index, index - 1)}>
          <ChevronUp size={ICON} />
        </IconButton>
        <IconButton size="small" label={l.down} disabled={index === count - 1 || isDisabled} onClick={() => act.moveTo(index, index + 1)}>
          <ChevronDown size={ICON} />
        </IconButton>
      </div>
      {element.box ? (
        <>
          <IconButton size="small" label={isLocked ? l.unlock : l.lock} pressed={isLocked} onClick={() => toggleLocked(index)}>
            {isLocked ? <Lock size={ICON} /> : <LockOpen size={ICON} className="opacity-50" />}
          </IconButton>
          <IconButton size="small" label={isHidden ? l.unhide : l.hide} pressed={isHidden} onClick={() => toggleHidden(index)}>
            {isHidden ? <EyeOff size={ICON} /> : <Eye size={ICON} className="opacity-50" />}
          </IconButton>
        </>
      ) : (
        <Button size="small" disabled={isDisabled} onClick={() => act.placeBoxes({ [index]: [290, 290, 710, 710] })}>
          {l.placeIt}
        </Button>
      )}
      <IconButton size="small" label={t.ui.delete} disabled={isDisabled} onClick={() => act.remove([index])}>
        <Trash2 size={ICON} className="opacity-60" />
      </IconButton>
    </li>
  );
}

export function Layers() {
  const t = useT().layout;
  const { elements } = useCaption();
  const selection = useUi((s) => s.selection);
  const isDisabled = useTextError() !== null;
  const root = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);

  const onGrip = (down: PointerEvent, from: number) => {
    down.preventDefault();
    const rows = () => [...(root.current?.querySelectorAll<HTMLElement>('[data-layer]') ?? [])];
    let to = from;
    const move = (e: globalThis.PointerEvent) => {
      const over = rows().find((r) => {
        const box = r.getBoundingClientRect();
        return e.clientY >= box.top && e.clientY < box.bottom && e.clientX >= box.left && e.clientX <= box.right;
      });
      to = over ? Number(over.dataset.layer) : from;
      setDrag({ from, to });
    };
    const end = (e: globalThis.PointerEvent) => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
      setDrag(null);
      if (e.type === 'pointercancel') return;
      const isPlaced = elements[from]?.box !== null;
      if (isPlaced || !placeAt(from, e.clientX, e.clientY)) act.moveTo(from, to);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  };

  const rows = (list: Element[]) => (
    <ol className="flex flex-col gap-px">
      {list.map((e) => (
        <Row
          key={e.index}
          element={e}
          count={elements.length}
          isSelected={selection.includes(e.index)}
          isDisabled={isDisabled}
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
    <div ref={root} data-layers className="flex flex-col gap-2">
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
