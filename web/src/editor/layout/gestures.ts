// Pointers on the canvas: from presses and drags to boxes. A gesture changes only what lives
// (state.ts); when it ends well, the document is edited once.
import type { Box } from '@/document/caption';
import { useDocument } from '@/document/store';
import { usePrefs } from '@/app/prefs';
import * as act from './actions';
import { boxAt, boxOf, contains, cycle, moveAll, moveBox, resizeBox, snap, snapPoint, targetsOf, touches } from './geometry';
import type { Handle, Point, Targets } from './geometry';
import { endLive, setCanvas, setLive, useCanvas, type View } from './state';
import { zoomAbout } from './view';

const REACH_PX = 6; // within which lines attract
const START_PX = 3; // before which a press is no drag
const START_TOUCH_PX = 8;
const LONG_PRESS_MS = 500;
const DOUBLE_MS = 350;
const DOUBLE_PX = 12;

interface Press {
  kind: 'press';
  index: number | null;
  at: Point; // pixels
  start: Point; // units
  copies: boolean;
  adds: boolean; // Shift
  onTop: boolean; // Ctrl: a new box, whatever is below
  touch: boolean;
}
type Gesture =
  | Press
  | { kind: 'move'; indexes: number[]; boxes: Box[]; start: Point; targets: Targets; copies: boolean }
  | { kind: 'resize'; index: number; box: Box; handle: Handle; start: Point; targets: Targets }
  | { kind: 'create'; start: Point; targets: Targets }
  | { kind: 'marquee'; start: Point; adds: boolean }
  | { kind: 'pan'; at: Point; view: View }
  | { kind: 'pinch'; distance: number; middle: Point; view: View };

const elements = () => useDocument.getState().good.caption.elements;

function visible(): { index: number; box: Box }[] {
  const { hidden } = useCanvas.getState();
  return elements().flatMap((e) => (e.box && !hidden.includes(e.index) ? [{ index: e.index, box: e.box }] : []));
}

function targetsFor(moving: readonly number[]): Targets {
  const { snapping } = useCanvas.getState();
  if (!snapping) return { x: [], y: [] };
  return targetsOf(
    visible().filter((v) => !moving.includes(v.index)).map((v) => v.box),
    usePrefs.getState().grid,
  );
}

const around = (boxes: readonly Box[]): Box => [
  Math.min(...boxes.map((b) => b[0])),
  Math.min(...boxes.map((b) => b[1])),
  Math.max(...boxes.map((b) => b[2])),
  Math.max(...boxes.map((b) => b[3])),
];

export interface GestureHooks {
  openMenu(at: Point, index: number | null): void;
  focusBox(index: number): void;
}

export class Gestures {
  private pointers = new Map<number, Point>();
  private gesture: Gesture | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastTap: { at: Point; time: number; index: number | null } | null = null;
  spaceHeld = false;

  constructor(
    private root: HTMLElement,
    private hooks: GestureHooks,
  ) {}

  private units(p: Point): Point {
    const r = this.root.getBoundingClientRect();
    return { x: ((p.x - r.left) / r.width) * 1000, y: ((p.y - r.top) / r.height) * 1000 };
  }

  private reach(): [number, number] {
    const r = this.root.getBoundingClientRect();
    return [(REACH_PX * 1000) / r.width, (REACH_PX * 1000) / r.height];
  }

  private middleOf(points: Point[]): Point {
    const area = (this.root.closest('[data-stage-area]') ?? this.root).getBoundingClientRect();
    const x = (points[0]!.x + points[1]!.x) / 2 - area.left - area.width / 2;
    const y = (points[0]!.y + points[1]!.y) / 2 - area.top - area.height / 2;
    return { x, y };
  }

  get busy(): boolean {
    return this.gesture !== null && this.gesture.kind !== 'press';
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.gesture = null;
    endLive();
  }

  down(e: PointerEvent): void {
    const target = e.target as Element;
    if (target.closest('textarea')) return;
    const at = { x: e.clientX, y: e.clientY };
    this.pointers.set(e.pointerId, at);
    if (e.button === 2) return;
    this.root.setPointerCapture(e.pointerId);
    if (this.pointers.size === 2) {
      this.cancel();
      const points = [...this.pointers.values()];
      const distance = Math.hypot(points[0]!.x - points[1]!.x, points[0]!.y - points[1]!.y);
      this.gesture = { kind: 'pinch', distance, middle: this.middleOf(points), view: useCanvas.getState().view };
      return;
    }
    if (this.pointers.size > 2) return;
    const { editing } = useCanvas.getState();
    if (editing !== null) setCanvas({ editing: null });
    if (e.button === 1 || this.spaceHeld) {
      e.preventDefault();
      this.gesture = { kind: 'pan', at, view: useCanvas.getState().view };
      return;
    }
    this.press(e, target, at);
  }

  private press(e: PointerEvent, target: Element, at: Point): void {
    const start = this.units(at);
    const handle = target.closest<HTMLElement>('[data-handle]')?.dataset.handle as Handle | undefined;
    const [only] = act.selected();
    const resized = only === undefined ? undefined : elements()[only]?.box;
    if (handle && only !== undefined && resized && !act.isReadOnly()) {
      this.gesture = { kind: 'resize', index: only, box: resized, handle, start, targets: targetsFor([only]) };
      return;
    }
    const found = target.closest<HTMLElement>('[data-index]')?.dataset.index;
    const index = found === undefined ? null : Number(found);
    const touch = e.pointerType === 'touch';
    const adds = e.shiftKey;
    this.gesture = { kind: 'press', index, at, start, copies: e.altKey, adds, onTop: e.ctrlKey || e.metaKey, touch };
    if (index !== null) {
      const free = !e.altKey && !e.shiftKey && !e.ctrlKey && !e.metaKey;
      if (free && !act.selected().includes(index)) act.select([index]);
      if (free) this.hooks.focusBox(index); // with keys held the selection is decided at the end
    } else {
      this.root.focus({ preventScroll: true });
    }
    e.preventDefault(); // no text selection, no focus elsewhere
    if (touch) {
      this.timer = setTimeout(() => {
        this.gesture = null;
        this.hooks.openMenu(at, index);
      }, LONG_PRESS_MS);
    }
  }

  move(e: PointerEvent): void {
    if (!this.pointers.has(e.pointerId)) return;
    const at = { x: e.clientX, y: e.clientY };
    this.pointers.set(e.pointerId, at);
    const g = this.gesture;
    if (!g) return;
    if (g.kind === 'press') {
      const far = Math.hypot(at.x - g.at.x, at.y - g.at.y);
      if (far < (g.touch ? START_TOUCH_PX : START_PX)) return;
      clearTimeout(this.timer);
      this.begin(g);
      if (this.gesture !== g) this.move(e);
      return;
    }
    this.go(g, at, e);
  }

  /** A press has become a drag: of what was pressed, or of a new box. */
  private begin(press: Press): void {
    const { index, start } = press;
    const movable = act.movable();
    if (index !== null && !press.onTop && !act.isReadOnly()) {
      const alone = !act.selected().includes(index);
      if (alone) act.select(press.adds ? [...act.selected(), index] : [index]);
      const indexes = alone ? act.movable() : movable;
      if (indexes.includes(index)) {
        const boxes = indexes.map((i) => elements()[i]!.box!);
        this.gesture = { kind: 'move', indexes, boxes, start, targets: targetsFor(press.copies ? [] : indexes), copies: press.copies };
        return;
      }
    }
    if (press.adds || act.isReadOnly()) this.gesture = { kind: 'marquee', start, adds: press.adds };
    else this.gesture = { kind: 'create', start, targets: targetsFor([]) };
  }

  private go(g: Exclude<Gesture, Press>, at: Point, e: PointerEvent): void {
    const p = this.units(at);
    const free = e.ctrlKey || e.metaKey; // no snapping
    const [rx, ry] = free ? [-1, -1] : this.reach();
    switch (g.kind) {
      case 'move': {
        const whole = around(g.boxes);
        const rough = moveBox(whole, p.x - g.start.x, p.y - g.start.y);
        const found = snap(rough, null, g.targets, rx, ry);
        const dx = rough[1] - whole[1] + found.dx;
        const dy = rough[0] - whole[0] + found.dy;
        const boxes = moveAll(g.boxes, dx, dy);
        if (g.copies) setLive({ made: boxes, guides: found.guides });
        else setLive({ boxes: Object.fromEntries(g.indexes.map((i, n) => [i, boxes[n]!])), guides: found.guides });
        break;
      }
      case 'resize': {
        const how = { keepRatio: e.shiftKey, fromCentre: e.altKey };
        const dx = p.x - g.start.x;
        const dy = p.y - g.start.y;
        const rough = resizeBox(g.box, g.handle, dx, dy, how);
        const found = how.keepRatio ? { dx: 0, dy: 0, guides: [] } : snap(rough, g.handle, g.targets, rx, ry);
        const box = resizeBox(g.box, g.handle, dx + found.dx, dy + found.dy, how);
        setLive({ boxes: { [g.index]: box }, guides: found.guides });
        break;
      }
      case 'create': {
        const from = snapPoint(g.start, g.targets, rx, ry);
        const rough = boxOf(from, p);
        const corner: Handle = `${p.y < from.y ? 'n' : 's'}${p.x < from.x ? 'w' : 'e'}`;
        const found = snap(rough, corner, g.targets, rx, ry);
        setLive({ made: [boxOf(from, { x: p.x + found.dx, y: p.y + found.dy })], guides: found.guides });
        break;
      }
      case 'marquee':
        setLive({ marquee: boxOf(g.start, p) });
        break;
      case 'pan':
        setCanvas({ view: { ...g.view, x: g.view.x + at.x - g.at.x, y: g.view.y + at.y - g.at.y } });
        break;
      case 'pinch': {
        const points = [...this.pointers.values()];
        if (points.length < 2) return;
        const distance = Math.hypot(points[0]!.x - points[1]!.x, points[0]!.y - points[1]!.y);
        const middle = this.middleOf(points);
        const zoomed = zoomAbout(g.view, g.middle, distance / Math.max(1, g.distance));
        setCanvas({ view: { ...zoomed, x: zoomed.x + middle.x - g.middle.x, y: zoomed.y + middle.y - g.middle.y } });
        break;
      }
    }
  }

  up(e: PointerEvent): void {
    if (!this.pointers.delete(e.pointerId)) return;
    clearTimeout(this.timer);
    const g = this.gesture;
    if (g?.kind === 'pinch' && this.pointers.size > 0) return; // the other finger starts nothing
    this.gesture = null;
    if (!g) return;
    if (g.kind === 'press') this.tap(g, e.timeStamp);
    else this.finish(g);
  }

  private finish(g: Exclude<Gesture, Press>): void {
    const { live } = useCanvas.getState();
    if (g.kind === 'move' && g.copies) act.duplicateTo(g.indexes, live.made);
    else if (g.kind === 'move') act.placeBoxes(live.boxes);
    else if (g.kind === 'resize') act.placeBoxes(live.boxes);
    else if (g.kind === 'create' && live.made[0]) this.added(live.made[0]);
    else if (g.kind === 'marquee' && live.marquee) {
      const area = live.marquee;
      const found = visible().filter((v) => touches(v.box, area)).map((v) => v.index);
      act.select([...new Set([...(g.adds ? act.selected() : []), ...found])]);
    }
    endLive();
  }

  private added(box: Box): void {
    if (act.isReadOnly()) return;
    const index = act.add(useCanvas.getState().kind, box);
    queueMicrotask(() => this.hooks.focusBox(index));
  }

  /** The mouse's double-click, which the system times as the person has set it. */
  double(e: MouseEvent): void {
    if (e.altKey || e.ctrlKey || e.metaKey || !this.lastTap || (e.target as Element).closest('textarea')) return;
    this.twice(this.lastTap.index, this.units({ x: e.clientX, y: e.clientY }));
  }

  private twice(index: number | null, at: Point): void {
    if (act.isReadOnly()) return;
    if (index === null) this.added(boxAt(at));
    else setCanvas({ editing: index });
  }

  /** A press without a drag. */
  private tap(g: Press, now: number): void {
    const last = this.lastTap;
    const again =
      g.touch &&
      last !== null &&
      now - last.time < DOUBLE_MS &&
      last.index === g.index &&
      Math.hypot(last.at.x - g.at.x, last.at.y - g.at.y) < DOUBLE_PX;
    this.lastTap = again ? null : { at: g.at, time: now, index: g.index };
    if (again) return this.twice(g.index, g.start);
    if (g.copies) {
      const under = visible().filter((v) => contains(v.box, g.start)).map((v) => v.index);
      const next = cycle(under, act.selected()[0]);
      act.select(next === undefined ? [] : [next]);
      if (next !== undefined) this.hooks.focusBox(next);
    } else if (g.index === null) {
      if (!g.adds) act.select([]);
    } else if (g.adds || g.onTop) {
      const now = act.selected();
      act.select(now.includes(g.index) ? now.filter((i) => i !== g.index) : [...now, g.index]);
    } else {
      act.select([g.index]);
    }
  }
}
