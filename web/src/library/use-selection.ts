// The selection of a list, begun anew when another list is shown, with the keys that hold wherever
// the focus is on the page.
import { useCallback, useEffect, useRef, useState } from 'react';
import { drop, EVERYTHING, extend, NOTHING, toggle, type Selection } from './selection';

// Where keys have another meaning.
const TYPING = 'input:not([type=range]), textarea, select, dialog, [contenteditable="true"], [role=menu]';

export function useSelection(place: string, order: number[]) {
  const [state, setState] = useState({ place, selection: NOTHING, anchor: -1, isSelecting: false });
  const now = state.place === place ? state : { place, selection: NOTHING, anchor: -1, isSelecting: state.isSelecting };
  const { selection, anchor } = now;
  const put = useCallback(
    (next: Selection, at: number = -1) => setState((s) => ({ ...s, place, selection: next, anchor: at })),
    [place],
  );
  const all = useCallback(() => put(EVERYTHING), [put]);
  const none = useCallback(() => setState((s) => ({ ...s, place, selection: NOTHING, anchor: -1, isSelecting: false })), [place]);
  const isAny = selection.kind === 'all' || selection.ids.size > 0;
  const isOn = isAny || now.isSelecting;

  useEffect(() => {
    const keyDown = (e: KeyboardEvent) => {
      if (e.target instanceof Element && e.target.closest(TYPING)) return;
      if (document.querySelector('dialog[open]')) return;
      if ((e.ctrlKey || e.metaKey) && !e.shiftKey && !e.altKey && e.key.toLowerCase() === 'a') {
        if (order.length === 0) return;
        e.preventDefault();
        all();
      } else if (e.key === 'Escape' && isOn && !e.defaultPrevented) {
        e.preventDefault();
        none();
      }
    };
    window.addEventListener('keydown', keyDown);
    return () => window.removeEventListener('keydown', keyDown);
  }, [all, none, isOn, order.length]);

  return {
    selection,
    isSelecting: now.isSelecting,
    setSelecting: (on: boolean) => (on ? setState({ ...now, isSelecting: true }) : none()),
    toggle: (id: number) => put(toggle(selection, id), id),
    extend: (id: number) => {
      const from = anchor === -1 ? id : anchor;
      put(extend(selection, order, from, id), from);
    },
    set: put,
    all,
    none,
    /** After pictures went away. */
    gone: (which: Selection) => (which.kind === 'all' ? none() : put(drop(selection, which.ids))),
  };
}

/** Delete, also when the focus is on no picture. */
export function useDeleteKey(isOn: boolean, run: () => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    if (!isOn) return;
    const keyDown = (e: KeyboardEvent) => {
      if (e.defaultPrevented || (e.key !== 'Delete' && e.key !== 'Backspace')) return;
      if (e.target instanceof Element && e.target.closest(`${TYPING}, [role=gridcell], aside`)) return;
      if (document.querySelector('dialog[open]')) return;
      e.preventDefault();
      latest.current();
    };
    window.addEventListener('keydown', keyDown);
    return () => window.removeEventListener('keydown', keyDown);
  }, [isOn]);
}
