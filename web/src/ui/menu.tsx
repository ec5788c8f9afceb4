// A menu at its button.
import clsx from 'clsx';
import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';
import { useLayer } from './layer';

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  keys?: string;
  isBad?: boolean;
  disabled?: boolean;
  checked?: boolean;
  run: () => void;
}

/** What a menu shows, for menus at a button (here) and at a point (menu-at.tsx). */
export function MenuContent({ items, align = 'end' }: { items: (MenuItem | null)[]; align?: 'start' | 'end' }) {
  const layer = useLayer();
  return (
    <DropdownMenu.Portal container={layer}>
      <DropdownMenu.Content
        align={align}
        sideOffset={4}
        collisionPadding={8}
        className="scroll-thin z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-44 overflow-y-auto rounded-panel bg-surface p-1 shadow-pop"
      >
        {items.map((item, i) =>
          item === null ? (
            // oxlint-disable-next-line react/no-array-index-key -- separators have no name
            <DropdownMenu.Separator key={i} className="my-1 h-px bg-line" />
          ) : (
            <DropdownMenu.Item
              key={item.label}
              disabled={item.disabled}
              onSelect={item.run}
              className={clsx(
                'flex h-8 cursor-default items-center gap-2 rounded-control px-2 text-control outline-none',
                'data-highlighted:bg-sunken data-disabled:opacity-50 pointer-coarse:h-11',
                item.isBad && 'text-bad',
                item.checked && 'font-medium text-accent',
              )}
            >
              <span className="flex w-4 justify-center" aria-hidden>
                {item.icon ?? (item.checked ? '•' : '')}
              </span>
              <span className="flex-1">{item.label}</span>
              {item.keys && <kbd className="num text-caption text-text-3">{item.keys}</kbd>}
            </DropdownMenu.Item>
          ),
        )}
      </DropdownMenu.Content>
    </DropdownMenu.Portal>
  );
}

export function Menu({ trigger, items, align = 'end' }: { trigger: ReactNode; items: (MenuItem | null)[]; align?: 'start' | 'end' }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <MenuContent items={items} align={align} />
    </DropdownMenu.Root>
  );
}
