// Keys on the canvas and its boxes. They act only while one of them has the focus, so that letters
// mean nothing elsewhere.
import type { Box } from '@/document/caption';
import { useDocument } from '@/document/store';
import { setPrefs, usePrefs } from '@/app/prefs';
import { setUi, useUi } from '@/app/ui-state';
import type { Words } from '@/i18n/en';
import * as act from './actions';
import { moveAll, resizeBox } from './geometry';
import { placeName } from './names';
import { say } from './say';
import { setCanvas, toggleLocked, useCanvas } from './state';
import { zoomBy, zoomFit } from './view';

const STEP = 1;
const STEP_SHIFT = 10;
const STEP_CTRL = 50;
const ZOOM = 1.25;
const GRIDS = ['off', '12', '24', 'thirds', 'golden'] as const;

export interface KeyHooks {
  focusBox(index: number): void;
  focusCanvas(): void;
  openMenu(): void;
  cancel(): boolean; // whether there was a gesture to cancel
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function arrow(e: KeyboardEvent, t: Words['layout']): boolean {
  const way = ARROWS[e.key];
  const indexes = act.movable();
  if (!way || indexes.length === 0 || act.isReadOnly()) return false;
  const step = e.ctrlKey || e.metaKey ? STEP_CTRL : e.shiftKey ? STEP_SHIFT : STEP;
  const [dx, dy] = [way[0] * step, way[1] * step];
  const elements = useDocument.getState().good.caption.elements;
  const boxes = indexes.map((i) => elements[i]!.box!);
  const next: Box[] = e.altKey ? boxes.map((b) => resizeBox(b, 'se', dx, dy)) : moveAll(boxes, dx, dy);
  const group = `${e.altKey ? 'size' : 'move'}:${indexes.join()}`;
  act.placeBoxes(Object.fromEntries(indexes.map((i, n) => [i, next[n]!])), group);
  say(placeName(next[0]!, t));
  return true;
}

function withCtrl(key: string, hooks: KeyHooks): boolean {
  const chosen = act.selected();
  switch (key) {
    case 'd':
      act.duplicate(chosen);
      break;
    case 'c':
      act.copy(chosen);
      break;
    case 'x':
      act.cut(chosen);
      break;
    case 'v':
      act.paste();
      break;
    case 'a':
      act.select(
        useDocument
          .getState()
          .good.caption.elements.filter((e) => e.box && !useCanvas.getState().hidden.includes(e.index))
          .map((e) => e.index),
      );
      return true;
    default:
      return false;
  }
  queueMicrotask(() => {
    const [first] = act.selected();
    if (first === undefined) hooks.focusCanvas();
    else hooks.focusBox(first);
  });
  return true;
}

function letter(key: string, t: Words['layout'], hooks: KeyHooks): boolean {
  if (!usePrefs.getState().letterKeys) return false;
  switch (key) {
    case 'l':
      for (const index of act.selected()) toggleLocked(index);
      return true;
    case 'h':
      setUi({ boxesHidden: !useUi.getState().boxesHidden });
      return true;
    case 'g': {
      const grid = GRIDS[(GRIDS.indexOf(usePrefs.getState().grid) + 1) % GRIDS.length] ?? 'off';
      setPrefs({ grid });
      say(`${t.grid}: ${t.grids[grid]}`);
      return true;
    }
    case 'o':
      setCanvas({ kind: 'obj' });
      return true;
    case 't':
      setCanvas({ kind: 'text' });
      return true;
    case '0':
      zoomFit();
      return true;
    case '+':
    case '=':
      zoomBy(ZOOM);
      return true;
    case '-':
      zoomBy(1 / ZOOM);
      return true;
    case '[':
    case ']': {
      const [from] = act.selected();
      if (from === undefined) return true;
      act.moveTo(from, from + (key === ']' ? 1 : -1));
      queueMicrotask(() => hooks.focusBox(act.selected()[0] ?? from));
      return true;
    }
    default:
      return false;
  }
}

function named(e: KeyboardEvent, t: Words['layout'], hooks: KeyHooks): boolean {
  const chosen = act.selected();
  switch (e.key) {
    case 'Enter':
      if (act.isReadOnly()) return false;
      if (chosen[0] === undefined) {
        const made = act.add(useCanvas.getState().kind, [290, 290, 710, 710]);
        queueMicrotask(() => hooks.focusBox(made));
      } else setCanvas({ editing: chosen[0] });
      return true;
    case 'Delete':
    case 'Backspace': {
      if (chosen.length === 0) return false;
      act.remove(chosen);
      say(t.removed(chosen.length));
      const [next] = act.selected();
      queueMicrotask(() => (next === undefined ? hooks.focusCanvas() : hooks.focusBox(next)));
      return true;
    }
    case 'Escape':
      if (hooks.cancel()) return true;
      if (chosen.length === 0) return false;
      act.select([]);
      hooks.focusCanvas();
      return true;
    case 'ContextMenu':
      hooks.openMenu();
      return true;
    case 'F10':
      if (!e.shiftKey) return false;
      hooks.openMenu();
      return true;
    default:
      return false;
  }
}

/** Whether the key meant something here; then nobody else shall have it. */
export function onCanvasKey(e: KeyboardEvent, t: Words['layout'], hooks: KeyHooks): boolean {
  if ((e.target as Element).closest('textarea, input')) return false;
  if (e.key in ARROWS) return arrow(e, t);
  if (named(e, t, hooks)) return true;
  if (e.altKey) return false;
  if (e.ctrlKey || e.metaKey) return !e.shiftKey && withCtrl(e.key.toLowerCase(), hooks);
  return letter(e.key.toLowerCase(), t, hooks);
}
