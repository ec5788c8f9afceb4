import clsx from 'clsx';

export interface Compared {
  id: number;
  w: number;
  h: number;
  alt: string;
  letter: string; // A, B, C, D
}

/** The letter by which a picture is named in the table. */
export function CompareLabel({ letter, className }: { letter: string; className?: string }) {
  return (
    <span aria-hidden className={clsx('num absolute rounded-control bg-ink px-1.5 text-caption text-on-ink', className)}>
      {letter}
    </span>
  );
}
