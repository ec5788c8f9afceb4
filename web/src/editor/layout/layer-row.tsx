// One element in the list of layers. Its tools show with the pointer, the focus or the selection, so
// that a long list stays readable; on touch those of the selected one stand in a line of their own.
import { useEffect, useRef, type PointerEvent } from 'react';
import clsx from 'clsx';
import { Box, ChevronDown, ChevronUp, CircleAlert, Eye, EyeOff, GripVertical, Lock, LockOpen, Trash2, TriangleAlert, Type } from 'lucide-react';
import { useShallow } from 'zustand/react/shallow';
import { setUi, useUi } from '@/app/ui-state';
import type { Element } from '@/document/caption';
import { useT } from '@/i18n';
import { useKeepFocus } from '@/lib/use-keep-focus';
import { Button, IconButton } from '@/ui/button';
import * as act from './actions';
import { colourOf, firstWords, placeName } from './names';
import { toggleHidden, toggleLocked, useCanvas } from './state';

const ICON = 14;

function pick(e: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }, index: number): void {
  const now = useUi.getState().selection;
  if (!e.shiftKey && !e.ctrlKey && !e.metaKey) setUi({ selection: [index] });
  else setUi({ selection: now.includes(index) ? now.filter((i) => i !== index) : [...now, index] });
}

export interface LayerRowProps {
  element: Element;
  count: number;
  isSelected: boolean;
  isDisabled: boolean;
  level: 'error' | 'warning' | undefined; // what the check says of it
  onGrip: (e: PointerEvent, index: number) => void;
  drop: 'before' | 'after' | null; // where the dragged one would go
  isDragged: boolean;
}

function Tools({ element, count, isSelected, isDisabled }: Pick<LayerRowProps, 'element' | 'count' | 'isSelected' | 'isDisabled'>) {
  const t = useT();
  const l = t.layout;
  const { index } = element;
  const { isLocked, isHidden } = useCanvas(
    useShallow((s) => ({ isLocked: s.locked.includes(index), isHidden: s.hidden.includes(index) })),
  );
  const name = firstWords(element, l);
  const quiet =
    !isSelected &&
    'pointer-coarse:hidden pointer-fine:sr-only pointer-fine:group-focus-within:not-sr-only pointer-fine:group-hover:not-sr-only';
  return (
    <div className={clsx('flex shrink-0 justify-end', isSelected && 'pointer-coarse:@max-[34rem]:basis-full pointer-coarse:@max-[34rem]:pb-1')}>
      <div className={clsx('flex', quiet)}>
        <IconButton size="small" label={`${l.up}: ${name}`} disabled={index === 0 || isDisabled} onClick={() => act.moveTo(index, index - 1)}>
          <ChevronUp size={ICON} />
        </IconButton>
        <IconButton size="small" label={`${l.down}: ${name}`} disabled={index === count - 1 || isDisabled} onClick={() => act.moveTo(index, index + 1)}>
          <ChevronDown size={ICON} />
        </IconButton>
      </div>
      {element.box && (
        <>
          <span className={clsx('flex', !isLocked && quiet)}>
            <IconButton size="small" label={`${isLocked ? l.unlock : l.lock}: ${name}`} pressed={isLocked} onClick={() => toggleLocked(index)}>
              {isLocked ? <Lock size={ICON} /> : <LockOpen size={ICON} />}
            </IconButton>
          </span>
          <span className={clsx('flex', !isHidden && quiet)}>
            <IconButton size="small" label={`${isHidden ? l.unhide : l.hide}: ${name}`} pressed={isHidden} onClick={() => toggleHidden(index)}>
              {isHidden ? <EyeOff size={ICON} /> : <Eye size={ICON} />}
            </IconButton>
          </span>
        </>
      )}
      <span className={clsx('flex', quiet)}>
        <IconButton size="small" label={`${t.ui.delete}: ${name}`} disabled={isDisabled} onClick={() => act.remove([index])}>
          <Trash2 size={ICON} />
        </IconButton>
      </span>
    </div>
  );
}

export function LayerRow({ element, count, isSelected, isDisabled, level, onGrip, drop, isDragged }: LayerRowProps) {
  const { layout: l, lint } = useT();
  const { index } = element;
  const isHidden = useCanvas((s) => s.hidden.includes(index));
  const name = firstWords(element, l);
  const row = useRef<HTMLLIElement>(null);
  useKeepFocus(row, `[data-layer="${index}"] [aria-pressed]`, '[data-layer]:last-child [aria-pressed]', '[data-layout-add]');
  useEffect(() => {
    if (isSelected && document.activeElement?.closest('[data-canvas]')) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isSelected]);
  const Kind = element.kind === 'text' ? Type : Box;
  const Mark = level === 'error' ? CircleAlert : TriangleAlert;
  return (
    <li
      ref={row}
      data-layer={index}
      data-testid="layer"
      data-level={level}
      className={clsx(
        'group flex min-h-8 flex-wrap items-center rounded-control pe-1 pointer-coarse:min-h-11',
        isSelected ? 'bg-accent-soft' : 'hover:bg-sunken',
        drop === 'after' && 'shadow-[0_2px_0_var(--accent)]',
        drop === 'before' && 'shadow-[0_-2px_0_var(--accent)]',
        isDragged && 'opacity-50',
      )}
    >
      <span
        aria-hidden
        data-grip
        title={element.box ? l.grip(name) : l.gripPlace(name)}
        onPointerDown={(e) => !isDisabled && onGrip(e, index)}
        className="flex h-8 w-6 shrink-0 cursor-grab touch-none items-center justify-center text-text-3 pointer-coarse:h-11 pointer-coarse:w-9"
      >
        <GripVertical size={ICON} />
      </span>
      <button
        type="button"
        aria-pressed={isSelected}
        onClick={(e) => pick(e, index)}
        className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-control text-start pointer-coarse:h-11"
      >
        <span
          style={element.box ? { backgroundColor: colourOf(index) } : undefined}
          className="num flex h-5 min-w-6 shrink-0 items-center justify-center rounded-thumb border border-line-strong px-1 text-micro text-[#000] not-[[style]]:text-text-2"
        >
          {index + 1}
        </span>
        <span className="shrink-0 text-text-3" title={l.kindNames[element.kind]}>
          <Kind size={ICON} aria-hidden />
          <span className="sr-only">{l.kindNames[element.kind]}</span>
        </span>
        <span className={clsx('truncate text-control', isHidden && 'opacity-50')}>{name}</span>
        {level && (
          <span className={clsx('shrink-0', level === 'error' ? 'text-bad' : 'text-warn')}>
            <Mark size={ICON} aria-hidden />
            <span className="sr-only">{lint.levels[level]}</span>
          </span>
        )}
        <span className="sr-only">{element.box ? placeName(element.box, l) : l.unplacedOne}</span>
      </button>
      {!element.box && (
        <Button size="small" disabled={isDisabled} aria-label={`${l.placeIt}: ${name}`} onClick={() => act.placeBoxes({ [index]: [290, 290, 710, 710] })}>
          {l.placeIt}
        </Button>
      )}
      <Tools {...{ element, count, isSelected, isDisabled }} />
    </li>
  );
}
