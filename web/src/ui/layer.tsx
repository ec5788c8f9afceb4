// What floats (menus, tips, messages) must be inside the topmost modal dialog: the browser makes
// everything beside it inert and draws it underneath.
import { createContext, useContext, useLayoutEffect, useState, type RefObject } from 'react';
import { create } from 'zustand';

export const LayerContext = createContext<HTMLElement | null>(null);

/** Where a portal of this part of the page belongs; undefined: the body. */
export function useLayer(): HTMLElement | undefined {
  return useContext(LayerContext) ?? undefined;
}

const useLayers = create<{ stack: HTMLElement[] }>()(() => ({ stack: [] }));

/** The topmost open dialog, for what belongs to the whole page; null: none is open. */
export const useTopLayer = (): HTMLElement | null => useLayers((s) => s.stack.at(-1) ?? null);

/** Shows the dialog as a modal one while the component is there; its value is for LayerContext. */
export function useModal(ref: RefObject<HTMLDialogElement | null>): HTMLElement | null {
  const [layer, setLayer] = useState<HTMLElement | null>(null);
  // In the layout phase, so that it closes while it is still there: only then the focus goes back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (!dialog.open) dialog.showModal();
    setLayer(dialog);
    useLayers.setState((s) => ({ stack: [...s.stack, dialog] }));
    return () => {
      useLayers.setState((s) => ({ stack: s.stack.filter((d) => d !== dialog) }));
      dialog.close();
      // What had the focus before may be gone: then it goes to the dialog below.
      if (document.activeElement === document.body) useLayers.getState().stack.at(-1)?.focus();
    };
  }, [ref]);
  return layer;
}
