// A group of fields with its heading, divided from the next by a hairline.
import clsx from 'clsx';
import { useId, type ReactNode } from 'react';

export interface SectionProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  titleClassName?: string;
}

export function Section({ title, aside, children, className, titleClassName }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={clsx('border-b border-line px-4 pt-3 pb-4', className)}>
      <div className={clsx('mb-1.5 flex min-h-7 items-center gap-1', titleClassName)}>
        <h3 id={id} className="flex-1 text-control font-semibold">
          {title}
        </h3>
        {aside}
      </div>
      {children}
    </section>
  );
}
