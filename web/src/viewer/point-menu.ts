// The menu of a picture, or of anything else, where one right-clicks it, presses it long or asks
// for it by Shift+F10. The menu itself is drawn once for the page (point-menu-host.tsx).
import type { MouseEvent, PointerEvent } from 'react';
import { create } from 'zustand';
import type { Item } from '@/api/types';
import type { MenuItem } from '@/ui/menu';
import type { Special } from './actions';

/** What the menu is about: a picture, or entries that somebody else made. */
export type Subject = { picture: Item | number; special?: Special } | { items: (MenuItem | null)[] };

interface Open {
  subject: Subject;
  x: number;
  y: number;
  from: HTMLElement | null; // gets the focus back
}

export const usePointMenu = create<{ open: Open | null }>()(() => ({ open: null }));

const LONG_MS = 500;
const STILL_PX = 10;

function open(subject: Subject, x: number, y: number): void {
  if (usePointMenu.getState().open) return; // the browser tells of a long press as well
  const active = document.activeElement;
  usePointMenu.setState({ open: { subject, x, y, from: active instanceof HTMLElement ? active : null } });
}

/** Lifting the finger would press what is under it, and take the focus out of the menu. */
function swallowLift(): void {
  const end = (e: Event) => {
    if (e.type === 'touchend') e.preventDefault();
    for (const name of ['touchend', 'touchcancel']) window.removeEventListener(name, end, { capture: true });
  };
  for (const name of ['touchend', 'touchcancel']) window.addEventListener(name, end, { capture: true, passive: false });
}

/** Waits with the finger; tells when it stayed where it was. */
function watchFinger(e: PointerEvent, then: () => void): void {
  const { pointerId, clientX, clientY } = e;
  const end = () => {
    clearTimeout(timer);
    for (const name of ['pointerup', 'pointercancel']) window.removeEventListener(name, end, true);
    window.removeEventListener('pointermove', move, true);
    window.removeEventListener('pointerdown', end, true); // a second finger
  };
  const move = (m: globalThis.PointerEvent) => {
    if (m.pointerId === pointerId && Math.hypot(m.clientX - clientX, m.clientY - clientY) > STILL_PX) end();
  };
  const timer = setTimeout(() => {
    end();
    swallowLift();
    then();
  }, LONG_MS);
  for (const name of ['pointerup', 'pointercancel']) window.addEventListener(name, end, true);
  window.addEventListener('pointermove', move, true);
  window.addEventListener('pointerdown', end, true);
}

export interface PointMenu {
  onContextMenu: (e: MouseEvent) => void;
  onPointerDown: (e: PointerEvent) => void;
}

/** For the element that the menu belongs to. `find` says at the time of the event what it is about. */
export function pointMenu(find: (target: Element) => Subject | null): PointMenu {
  const subjectAt = (target: EventTarget) =>
    target instanceof Element && !target.closest('input, textarea, [data-reorder]') ? find(target) : null;
  return {
    onContextMenu: (e) => {
      const subject = e.defaultPrevented ? null : subjectAt(e.target);
      if (!subject) return;
      e.preventDefault();
      // Asked for by a key there is no pointer.
      const box = e.currentTarget.getBoundingClientRect();
      const isPointed = e.clientX !== 0 || e.clientY !== 0;
      open(subject, isPointed ? e.clientX : box.left + 8, isPointed ? e.clientY : box.top + 8);
    },
    onPointerDown: (e) => {
      if (e.pointerType !== 'touch' || !e.isPrimary) return;
      const { target, clientX, clientY } = e;
      watchFinger(e, () => {
        const subject = subjectAt(target);
        if (subject) open(subject, clientX, clientY);
      });
    },
  };
}

export const pictureMenu = (picture: Item | number, special?: Special): PointMenu =>
  pointMenu(() => ({ picture, special }));
