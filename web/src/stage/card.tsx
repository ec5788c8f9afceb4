// What the stage says instead of a picture: over the picture's place, or as a bar below while the
// layout is open there.
import clsx from 'clsx';
import { useRef, type ReactNode } from 'react';
import { useKeepFocus } from '@/lib/use-keep-focus';

interface Props {
  look: 'blocked' | 'failed' | 'plain';
  title: string;
  isBar: boolean;
  children: ReactNode;
  testId?: string;
}

export function StageCard({ look, title, isBar, children, testId }: Props) {
  const card = useRef<HTMLDivElement>(null);
  useKeepFocus(card, '[data-stage]');
  return (
    <div
      ref={card}
      className={clsx(
        isBar
          ? 'border-t border-line'
          : 'pointer-events-none absolute inset-0 flex items-center justify-center overflow-hidden p-4',
      )}
    >
      <section
        aria-label={title}
        data-testid={testId}
        className={clsx(
          'scroll-thin pointer-events-auto relative flex flex-col items-start gap-3 overflow-y-auto bg-surface',
          isBar ? 'max-h-40 px-4 py-3' : 'max-h-full w-full max-w-md rounded-panel border border-line p-5',
          look === 'failed' && 'rounded-t-none border-t-2 border-t-bad',
          look === 'blocked' && 'rounded-t-none',
        )}
      >
        {look === 'blocked' && <Hatch />}
        <h2 className="text-body font-semibold">{title}</h2>
        {children}
      </section>
    </div>
  );
}

/** A hatched edge: what is under it is no picture. */
function Hatch() {
  return (
    <svg aria-hidden className="absolute inset-x-0 top-0 h-1.5 w-full text-warn">
      <defs>
        <pattern id="blocked-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" x2="0" y1="0" y2="6" stroke="currentColor" strokeWidth="4" />
        </pattern>
      </defs>
      <rect width="100%" height="100%" fill="url(#blocked-hatch)" />
    </svg>
  );
}
