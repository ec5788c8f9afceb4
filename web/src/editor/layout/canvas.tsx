// The layout on the stage. With `live` it can be edited: gestures (gestures.ts), keys (keys.ts) and
// a menu; without, the boxes are only shown.
import { useCallback, useEffect, useRef, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { usePrefs } from '@/app/prefs';
import { setUi, useUi } from '@/app/ui-state';
import { useCaption } from '@/document/store';
import { useT } from '@/i18n';
import { MenuAt } from '@/ui/menu-at';
import * as act from './actions';
import { BoxView } from './box';
import { Gestures } from './gestures';
import type { Point } from './geometry';
import { InPlace } from './in-place';
import { onCanvasKey, type KeyHooks } from './keys';
import { useLevels } from './levels';
import { useBoxMenu } from './menu';
import { Grid, Handles, LiveLayer, Overlaps } from './overlays';
import { useCanvas } from './state';

const TYPED = 'input, textarea, select, button, [contenteditable], a';

export function focusBox(index: number): void {
  document.getElementById(`box-${index}`)?.focus({ preventScroll: true });
}

function unitsAt(element: HTMLElement | null, at: Point): Point {
  const r = element?.getBoundingClientRect();
  return r ? { x: ((at.x - r.left) / r.width) * 1000, y: ((at.y - r.top) / r.height) * 1000 } : { x: 500, y: 500 };
}

export function Canvas({ live }: { live: boolean }) {
  const t = useT().layout;
  const { elements } = useCaption();
  const selection = useUi((s) => s.selection);
  const boxesHidden = useUi((s) => s.boxesHidden);
  const { locked, hidden, editing, kind } = useCanvas(
    useShallow((s) => ({ locked: s.locked, hidden: s.hidden, editing: s.editing, kind: s.kind })),
  );
  const root = useRef<HTMLDivElement>(null);
  const gestures = useRef<Gestures | null>(null);
  const [menu, setMenu] = useState<{ at: Point; place: Point } | null>(null); // pixels, units
  const menuItems = useBoxMenu();
  const levels = useLevels();

  const openMenu = useCallback((at: Point, index: number | null) => {
    if (index === null) act.select([]); // what is added comes where one pointed
    else if (!act.selected().includes(index)) act.select([index]);
    setMenu({ at, place: unitsAt(root.current, at) });
  }, []);

  useEffect(() => {
    const element = root.current;
    if (!element || !live) return;
    const g = new Gestures(element, { openMenu, focusBox });
    gestures.current = g;
    const on = <K extends keyof HTMLElementEventMap>(type: K, run: (e: HTMLElementEventMap[K]) => void) => {
      element.addEventListener(type, run);
      return () => element.removeEventListener(type, run);
    };
    const space = (e: KeyboardEvent) => {
      const isOver = element.matches(':hover') || element.contains(document.activeElement);
      const isTyped = e.target instanceof Element && e.target.closest(TYPED) !== null;
      if (e.key !== ' ' || (e.type === 'keydown' && (!isOver || isTyped))) return;
      g.spaceHeld = e.type === 'keydown';
      element.style.cursor = g.spaceHeld ? 'grab' : '';
      if (g.spaceHeld) e.preventDefault();
    };
    window.addEventListener('keydown', space);
    window.addEventListener('keyup', space);
    const off = [
      on('pointerdown', (e) => g.down(e)),
      on('pointermove', (e) => g.move(e)),
      on('pointerup', (e) => g.up(e)),
      on('dblclick', (e) => g.double(e)),
      on('pointercancel', (e) => {
        g.cancel();
        g.up(e);
      }),
      on('contextmenu', (e) => {
        e.preventDefault();
        if (g.busy) return;
        const found = (e.target as Element).closest<HTMLElement>('[data-index]')?.dataset.index;
        g.cancel();
        openMenu({ x: e.clientX, y: e.clientY }, found === undefined ? null : Number(found));
      }),
    ];
    return () => {
      for (const undo of off) undo();
      window.removeEventListener('keydown', space);
      window.removeEventListener('keyup', space);
      g.cancel();
      gestures.current = null;
    };
  }, [live, openMenu]);

  const hooks: KeyHooks = {
    focusBox,
    focusCanvas: () => root.current?.focus({ preventScroll: true }),
    cancel: () => {
      const was = gestures.current?.busy ?? false;
      if (was) gestures.current?.cancel();
      return was;
    },
    openMenu: () => {
      const r = (document.activeElement ?? root.current)?.getBoundingClientRect();
      if (!r) return;
      const at = { x: r.left + 8, y: r.top + 24 };
      setMenu({ at, place: unitsAt(root.current, at) });
    },
  };
  const onFocus = useCallback((index: number) => {
    if (!useUi.getState().selection.includes(index)) setUi({ selection: [index] });
  }, []);

  const shown = boxesHidden ? [] : elements.filter((e) => e.box && !hidden.includes(e.index));
  const only = selection.length === 1 ? shown.find((e) => e.index === selection[0]) : undefined;
  return (
    <div
      ref={root}
      data-canvas
      role="group"
      aria-label={t.canvas}
      tabIndex={live ? -1 : undefined}
      className={live ? 'absolute inset-0 cursor-crosshair touch-none outline-none select-none' : 'pointer-events-none absolute inset-0'}
      onKeyDown={(e) => {
        if (!live || !onCanvasKey(e.nativeEvent, t, hooks)) return;
        e.preventDefault();
        e.stopPropagation();
      }}
    >
      {live && <Grid />}
      {live && <Overlaps elements={shown} />}
      <div role="listbox" aria-multiselectable aria-label={t.boxes} className="contents">
        {shown.map((e) => (
          <BoxView
            key={e.index}
            element={e}
            isSelected={live && selection.includes(e.index)}
            isLocked={locked.includes(e.index)}
            isLive={live}
            level={live ? levels.get(e.index) : undefined}
            onFocus={onFocus}
          />
        ))}
      </div>
      {live && <LiveLayer />}
      {live && only && editing === null && !locked.includes(only.index) && <Handles element={only} />}
      {live && editing !== null && elements[editing] && (
        <InPlace key={editing} element={elements[editing]} onDone={() => focusBox(editing)} />
      )}
      {live && elements.length === 0 && <Hint kind={kind} />}
      {menu && (
        <MenuAt
          at={menu.at}
          items={menuItems(selection, menu.place)}
          onClose={() => {
            setMenu(null);
            const [first] = act.selected();
            if (first !== undefined) focusBox(first);
          }}
        />
      )}
    </div>
  );
}

function Hint({ kind }: { kind: 'obj' | 'text' }) {
  const t = useT().layout;
  const letters = usePrefs((s) => s.letterKeys);
  return (
    <p className="pointer-events-none absolute inset-0 flex items-center justify-center p-4 text-center text-control text-text-3">
      <span className="flex flex-col gap-1 pointer-coarse:hidden">
        <span>{t.hints[kind]}</span>
        {letters && <span className="text-caption">{t.hintKeys}</span>}
      </span>
      <span className="hidden pointer-coarse:inline">{t.hintTouch}</span>
    </p>
  );
}
