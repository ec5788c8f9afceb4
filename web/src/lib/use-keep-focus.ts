// Focus that does not fall onto the page's body: when a part that holds it goes, the first of its
// heirs (selectors, looked for after the change) takes it.
import { useLayoutEffect, useRef, type RefObject } from 'react';

export function useKeepFocus(ref: RefObject<HTMLElement | null>, ...heirs: string[]): void {
  const list = useRef(heirs);
  useLayoutEffect(() => {
    list.current = heirs;
  });
  useLayoutEffect(() => {
    const element = ref.current;
    return () => {
      if (!element?.contains(document.activeElement)) return;
      requestAnimationFrame(() => {
        const active = document.activeElement;
        if (active && active !== document.body) return;
        for (const heir of list.current) {
          const found = document.querySelector<HTMLElement>(heir);
          if (!found) continue;
          found.focus({ preventScroll: true });
          return;
        }
      });
    };
  }, [ref]);
}
