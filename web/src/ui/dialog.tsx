// Dialogs and sheets over the browser's own <dialog>: it keeps the focus inside, closes with Esc,
// and gives the focus back.
import clsx from 'clsx';
import { X } from 'lucide-react';
import { useId, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useT } from '@/i18n';
import { IconButton } from './button';
import { LayerContext, useModal } from './layer';

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean | 'mid';
  top?: boolean; // stays at the same height while its content changes
  sheet?: boolean; // from the bottom edge on narrow screens
  'data-testid'?: string;
}

const CONTROLS = 'input:not([hidden]), select, textarea, button, a[href], summary, [tabindex]';
const TYPED = 'textarea, input:not([type=checkbox], [type=radio], [type=file], [type=range], [type=color])';

/**
 * Where one begins: what is marked as first, a field to type into that comes first, or the title.
 * Never the button that closes, on which its tip would open.
 */
function useFirstFocus(dialog: RefObject<HTMLElement | null>, body: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const first = body.current?.querySelector<HTMLElement>(CONTROLS);
    const marked = dialog.current?.querySelector<HTMLElement>('[data-first]');
    (marked ?? (first?.matches(TYPED) ? first : dialog.current?.querySelector<HTMLElement>('h2')))?.focus({ preventScroll: true });
  }, [dialog, body]);
}

/** Whether it scrolls and has nothing to focus: then it is a stop of its own, for the arrow keys. */
function useIsStop(body: RefObject<HTMLElement | null>): boolean {
  const [isStop, setStop] = useState(false);
  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return;
    const look = () => setStop(element.scrollHeight > element.clientHeight && !element.querySelector(CONTROLS));
    const observer = new ResizeObserver(look);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, [body]);
  return isStop;
}

export function Dialog({ title, onClose, children, footer, wide, sheet, top, ...rest }: DialogProps) {
  const t = useT();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const layer = useModal(ref);
  useFirstFocus(ref, body);
  const isStop = useIsStop(body);
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- Esc closes it
    <dialog
      ref={ref}
      aria-labelledby={id}
      data-sheet={sheet}
      data-testid={rest['data-testid']}
      // A tip that is open takes the first Esc for itself and prevents the dialog's own.
      onKeyDown={(e) => {
        if (e.key !== 'Escape') return;
        e.preventDefault();
        e.stopPropagation();
        onClose();
      }}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick={(e) => {
        if (e.target === ref.current) onClose();
      }}
      className={clsx(
        'max-h-[90dvh] w-[calc(100vw-2rem)] rounded-sheet bg-surface p-0 shadow-sheet',
        wide === 'mid' ? 'max-w-2xl' : wide ? 'max-w-4xl' : 'max-w-md',
        top && 'mt-[12dvh] max-h-[80dvh]',
        sheet && 'max-tablet:mb-0 max-tablet:w-full max-tablet:max-w-none max-tablet:rounded-b-none',
      )}
    >
      <LayerContext value={layer}>
        <div className="flex max-h-[90dvh] flex-col">
          <header className="flex items-center justify-between gap-4 px-5 pt-4 pb-2">
            <h2 id={id} tabIndex={-1} className="text-title font-semibold outline-none">
              {title}
            </h2>
            <IconButton label={t.ui.close} className="-me-1.5" onClick={onClose}>
              <X size={16} />
            </IconButton>
          </header>
          <div
            ref={body}
            // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- so that it can be scrolled by keys
            tabIndex={isStop ? 0 : undefined}
            role={isStop ? 'group' : undefined}
            aria-labelledby={isStop ? id : undefined}
            className="scroll-thin min-h-0 overflow-y-auto px-5 pb-5 focus-visible:-outline-offset-2"
          >
            {children}
          </div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</footer>}
        </div>
      </LayerContext>
    </dialog>
  );
}
