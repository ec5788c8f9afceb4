// Buttons. Ink for the one thing to do, plain for everything else, quiet inside dense rows.
import clsx from 'clsx';
import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Tip } from './tip';

type Look = 'ink' | 'plain' | 'quiet' | 'bad';
type Size = 'small' | 'normal' | 'large';

const looks: Record<Look, string> = {
  ink: 'bg-ink text-on-ink hover:bg-ink-hover',
  plain: 'border border-line-control bg-surface text-text hover:bg-sunken',
  quiet: 'text-text-2 hover:bg-sunken hover:text-text',
  bad: 'bg-bad text-on-accent hover:opacity-90',
};
const sizes: Record<Size, string> = {
  small: 'h-7 px-2 text-control gap-1 pointer-coarse:h-11 pointer-coarse:min-w-11',
  normal: 'h-8 px-3 text-control gap-1.5 pointer-coarse:h-11 pointer-coarse:min-w-11',
  large: 'h-10 px-4 text-body gap-2 pointer-coarse:h-12',
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  size?: Size;
  icon?: ReactNode;
  pressed?: boolean;
  /** Why it cannot be used: it stays focusable and says so. */
  reason?: string | null | false;
}

export function Button({
  look = 'plain',
  size = 'normal',
  icon,
  pressed,
  reason,
  className,
  children,
  onClick,
  type = 'button',
  ...rest
}: ButtonProps) {
  const button = (
    <button
      type={type}
      aria-pressed={pressed}
      aria-disabled={reason ? true : undefined}
      onClick={reason ? (e) => e.preventDefault() : onClick}
      className={clsx(
        'inline-flex shrink-0 select-none items-center justify-center whitespace-nowrap rounded-control font-medium',
        'transition-colors duration-120 disabled:opacity-50 aria-disabled:opacity-60',
        looks[look],
        sizes[size],
        pressed && 'bg-accent-soft! text-accent!',
        className,
      )}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
  return reason ? <Tip text={reason}>{button}</Tip> : button;
}

export interface IconButtonProps extends Omit<ButtonProps, 'icon' | 'children'> {
  label: string; // its name, shown as a tip
  keys?: string; // shortcut shown beside it
  children: ReactNode;
}

export function IconButton({ label, keys, children, className, look = 'quiet', reason, ...rest }: IconButtonProps) {
  return (
    <Tip text={reason || label} keys={keys}>
      <Button
        look={look}
        aria-label={label}
        aria-disabled={reason ? true : undefined}
        className={clsx('aspect-square px-0! pointer-coarse:min-w-11', className)}
        {...rest}
        onClick={reason ? undefined : rest.onClick}
      >
        {children}
      </Button>
    </Tip>
  );
}
