// Colours side by side, edge to edge.
import clsx from 'clsx';

export function Strip({ colours, className }: { colours: string[]; className?: string }) {
  return (
    <span aria-hidden className={clsx('flex overflow-hidden rounded-thumb border border-line-strong', className)}>
      {colours.map((colour, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- a foreign list may hold a colour twice
        <span key={`${colour} ${i}`} className="min-w-0 flex-1 forced-color-adjust-none" style={{ background: colour }} />
      ))}
    </span>
  );
}
