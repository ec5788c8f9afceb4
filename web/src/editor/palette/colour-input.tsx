// The browser's own colour picker. It tells every shade on the way and, at the end, the one chosen:
// React's onChange is the former, so the latter is listened for here.
import { useEffect, useRef, type InputHTMLAttributes } from 'react';

export interface ColourInputProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'type' | 'onChange' | 'value'> {
  label: string;
  value: string; // #RRGGBB
  onShade?: (colour: string) => void;
  onPick: (colour: string) => void;
}

export function ColourInput({ label, value, onShade, onPick, ...rest }: ColourInputProps) {
  const ref = useRef<HTMLInputElement>(null);
  const pick = useRef(onPick);
  useEffect(() => {
    pick.current = onPick;
  });
  useEffect(() => {
    const input = ref.current;
    const chosen = () => input && pick.current(input.value.toUpperCase());
    input?.addEventListener('change', chosen);
    return () => input?.removeEventListener('change', chosen);
  }, []);
  return (
    <input
      ref={ref}
      type="color"
      aria-label={label}
      title={label}
      value={value.toLowerCase()}
      onChange={(e) => onShade?.(e.target.value.toUpperCase())}
      {...rest}
    />
  );
}
