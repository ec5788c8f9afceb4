// How many pictures came that nobody looked at; the words belong to the link that it stands at.
import clsx from 'clsx';
import { useFresh } from './fresh';

const MOST = 99;

export function FreshBadge({ className = 'end-0.5 top-0.5' }: { className?: string }) {
  const n = useFresh((s) => s.list.length);
  if (n === 0) return null;
  return (
    <span
      aria-hidden
      data-testid="fresh-badge"
      data-count={n}
      className={clsx('num absolute min-w-4 rounded-full bg-accent px-1 text-center text-micro leading-4 text-on-accent', className)}
    >
      {n > MOST ? `${MOST}+` : n}
    </span>
  );
}
