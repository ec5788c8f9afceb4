// A tip beside what it explains, on hover and on focus.
import { Tooltip } from 'radix-ui';
import type { ReactNode } from 'react';
import { useLayer } from './layer';

export function TipProvider({ children }: { children: ReactNode }) {
  return <Tooltip.Provider delayDuration={500}>{children}</Tooltip.Provider>;
}

export function Tip({ text, keys, children }: { text: string; keys?: string; children: ReactNode }) {
  const layer = useLayer();
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
          {keys && <kbd className="num ml-2 opacity-70">{keys}</kbd>}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
