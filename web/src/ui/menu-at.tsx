// A menu at a point: of the right button, a long press, or the menu key.
import { DropdownMenu } from 'radix-ui';
import { MenuContent, type MenuItem } from './menu';

export interface MenuAtProps {
  at: { x: number; y: number }; // of the viewport
  items: (MenuItem | null)[];
  onClose: () => void;
}

export function MenuAt({ at, items, onClose }: MenuAtProps) {
  return (
    <DropdownMenu.Root open modal={false} onOpenChange={(open) => !open && onClose()}>
      <DropdownMenu.Trigger asChild>
        <span aria-hidden className="pointer-events-none fixed size-0" style={{ left: at.x, top: at.y }} />
      </DropdownMenu.Trigger>
      <MenuContent items={items} align="start" />
    </DropdownMenu.Root>
  );
}
