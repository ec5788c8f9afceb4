// Stars from none to five: one group of choices, by pointer and arrow keys.
import clsx from 'clsx';
import { Star } from 'lucide-react';
import { useId } from 'react';
import { useT } from '@/i18n';

const STARS = [1, 2, 3, 4, 5];

export function Rating({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  const t = useT().viewer;
  const name = useId();
  return (
    <fieldset className="flex items-center">
      <legend className="sr-only">{t.rating}</legend>
      {[0, ...STARS].map((n) => (
        <label
          key={n}
          title={t.stars(n)}
          className={clsx(
            'relative flex items-center justify-center rounded-control has-focus-visible:outline-2 has-focus-visible:outline-accent',
            n === 0 ? 'sr-only' : 'size-7 hover:bg-sunken pointer-coarse:size-11',
          )}
        >
          <input
            type="radio"
            name={name}
            value={n}
            checked={value === n}
            onChange={() => onChange(n)}
            onClick={() => {
              if (value === n && n > 0) onChange(0);
            }}
            aria-label={t.stars(n)}
            className="absolute inset-0 cursor-pointer opacity-0"
          />
          {n > 0 && (
            <Star size={16} aria-hidden className={n <= value ? 'fill-current text-text' : 'text-text-3'} />
          )}
        </label>
      ))}
    </fieldset>
  );
}
