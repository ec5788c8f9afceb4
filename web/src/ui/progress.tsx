import clsx from 'clsx';

/** value 0…1, null: not known. */
export function Progress({ label, value, className, testId }: { label: string; value: number | null; className?: string; testId?: string }) {
  const percent = value === null ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      data-testid={testId}
      className={clsx('h-1 overflow-hidden rounded-full bg-line', className)}
    >
      <div
        className={clsx('h-full origin-left bg-accent transition-transform duration-200', value === null && 'animate-pulse')}
        style={{ transform: `scaleX(${value === null ? 1 : (percent ?? 0) / 100})` }}
      />
    </div>
  );
}
