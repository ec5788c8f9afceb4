// A tip beside what it explains, on hover and on focus; and what all floating parts have to know.
import { Direction, Tooltip } from 'radix-ui';
import type { ReactNode } from 'react';
import { useShownKeys } from '@/app/key-map';
import { directionOf, useLanguage } from '@/i18n';
import { useLayer } from './layer';

export function TipProvider({ children }: { children: ReactNode }) {
  const dir = useLanguage((s) => directionOf(s.language));
  return (
    <Direction.Provider dir={dir}>
      <Tooltip.Provider delayDuration={500}>{children}</Tooltip.Provider>
    </Direction.Provider>
  );
}

export function Tip({ text, keys, children }: { text: string; keys?: string; children: ReactNode }) {
  const layer = useLayer();
  const shown = useShownKeys(keys);
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal container={layer}>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-60 max-w-72 rounded-control bg-ink px-2 py-1 text-caption text-on-ink shadow-pop"
        >
          {text}
          {shown && <kbd className="num ms-2 opacity-70">{shown}</kbd>}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
