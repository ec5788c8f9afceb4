// When the row under the focus goes away, the focus goes to the row that takes its place.
import { useEffect, useRef, type RefObject } from 'react';

const ROWS = '[data-testid="queue-row"], [data-testid="queue-batch"]';

export function useKeepFocus(ref: RefObject<HTMLElement | null>): void {
  const last = useRef<{ element: Element; at: number } | null>(null);
  useEffect(() => {
    const area = ref.current;
    if (!area) return;
    const enter = (e: FocusEvent) => {
      const element = e.target as Element;
      const row = element.closest(ROWS);
      last.current = row ? { element, at: [...area.querySelectorAll(ROWS)].indexOf(row) } : null;
    };
    const leave = (e: FocusEvent) => {
      const element = e.target as Element;
      // Left by a person: the element is still there afterwards.
      setTimeout(() => {
        if (element.isConnected && last.current?.element === element && document.activeElement !== element) last.current = null;
      });
    };
    area.addEventListener('focusin', enter);
    area.addEventListener('focusout', leave);
    return () => {
      area.removeEventListener('focusin', enter);
      area.removeEventListener('focusout', leave);
    };
  }, [ref]);
  useEffect(() => {
    const was = last.current;
    if (!was || was.element.isConnected || document.activeElement !== document.body) return;
    last.current = null;
    const rows = ref.current?.querySelectorAll(ROWS);
    const row = rows?.[Math.min(was.at, rows.length - 1)];
    const buttons = (row ?? ref.current)?.querySelectorAll<HTMLElement>('button:not(:disabled)');
    buttons?.[row ? buttons.length - 1 : 0]?.focus({ preventScroll: false });
  });
}
