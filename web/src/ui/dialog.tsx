// Dialogs and sheets over the browser's own <dialog>: it keeps the focus inside, closes with Esc,
// and gives the focus back.
import clsx from 'clsx';
import { X } from 'lucide-react';
import { useId, useRef, type ReactNode } from 'react';
import { useT } from '@/i18n';
import { IconButton } from './button';
import { LayerContext, useModal } from './layer';

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  sheet?: boolean; // from the bottom edge on narrow screens
  'data-testid'?: string;
}

export function Dialog({ title, onClose, children, footer, wide, sheet, ...rest }: DialogProps) {
  const t = useT();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const layer = useModal(ref);
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- Esc closes it
    <dialog
      ref={ref}
      aria-labelledby={id}
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
        wide ? 'max-w-4xl' : 'max-w-md',
        sheet && 'max-tablet:mb-0 max-tablet:w-full max-tablet:max-w-none max-tablet:rounded-b-none',
      )}
    >
      <LayerContext value={layer}>
        <div className="flex max-h-[90dvh] flex-col">
          <header className="flex items-center justify-between gap-4 px-5 pt-4 pb-2">
            <h2 id={id} className="text-title font-semibold">
              {title}
            </h2>
            <IconButton label={t.ui.close} onClick={onClose}>
              <X size={16} />
            </IconButton>
          </header>
          <div className="scroll-thin min-h-0 overflow-y-auto px-5 pb-5">{children}</div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</footer>}
        </div>
      </LayerContext>
    </dialog>
  );
}
