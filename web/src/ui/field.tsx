// Inputs with their label, hint and error.
import clsx from 'clsx';
import { useEffect, useId, useRef, useState } from 'react';
import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react';

const frame =
  'w-full rounded-control border border-line-strong bg-surface px-2 text-control text-text ' +
  'disabled:opacity-60 aria-invalid:border-bad';
export const inputLook = `${frame} placeholder:text-text-3 read-only:bg-sunken`;
/** A select always counts as read-only. */
export const selectLook = frame;

export interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | null;
  hideLabel?: boolean;
  aside?: ReactNode; // at the end of the label's line
  className?: string;
  children: (ids: { id: string; describedBy: string | undefined; invalid: boolean | undefined }) => ReactNode;
}

export function Field({ label, hint, error, hideLabel, aside, className, children }: FieldProps) {
  const id = useId();
  const describedBy = [error ? `${id}-error` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ');
  return (
    <div className={clsx('flex min-w-0 flex-col gap-1', className)}>
      <div className={clsx('flex items-baseline justify-between gap-2', hideLabel && !aside && 'sr-only')}>
        <label htmlFor={id} className={clsx('text-caption font-medium text-text-2', hideLabel && 'sr-only')}>
          {label}
        </label>
        {aside}
      </div>
      {children({ id, describedBy: describedBy || undefined, invalid: error ? true : undefined })}
      {error && (
        <p id={`${id}-error`} className="text-caption text-bad">
          {error}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} className="text-caption text-text-3">
          {hint}
        </p>
      )}
    </div>
  );
}

type Common = Omit<FieldProps, 'children'>;

export function TextField({
  label,
  hint,
  error,
  hideLabel,
  aside,
  className,
  inputClassName,
  ...rest
}: Common & InputHTMLAttributes<HTMLInputElement> & { inputClassName?: string }) {
  return (
    <Field {...{ label, hint, error, hideLabel, aside, className }}>
      {({ id, describedBy, invalid }) => (
        <input
          id={id}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          autoComplete="off"
          className={clsx(inputLook, 'h-8 pointer-coarse:h-11', inputClassName)}
          {...rest}
        />
      )}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  error,
  hideLabel,
  aside,
  className,
  inputClassName,
  ...rest
}: Common & TextareaHTMLAttributes<HTMLTextAreaElement> & { inputClassName?: string }) {
  return (
    <Field {...{ label, hint, error, hideLabel, aside, className }}>
      {({ id, describedBy, invalid }) => (
        <textarea
          id={id}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          className={clsx(inputLook, 'field-sizing-content min-h-16 resize-y py-1.5 text-body', inputClassName)}
          {...rest}
        />
      )}
    </Field>
  );
}

export function SelectField({
  label,
  hint,
  error,
  hideLabel,
  aside,
  className,
  children,
  ...rest
}: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Field {...{ label, hint, error, hideLabel, aside, className }}>
      {({ id, describedBy, invalid }) => (
        <select
          id={id}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          // A select counts as read-only in CSS, but can be changed.
          className={clsx(selectLook, 'h-8 read-only:bg-surface! pointer-coarse:h-11')}
          {...rest}
        >
          {children}
        </select>
      )}
    </Field>
  );
}

export interface NumberFieldProps extends Common {
  value: number;
  min: number;
  max: number;
  step: number; // arrow keys, and what a typed number is rounded to
  onChange: (value: number) => void;
  disabled?: boolean;
  'data-testid'?: string;
}

/** A whole number: typing is free, on leaving it becomes the nearest one allowed (D14). */
export function NumberField({ value, min, max, step, onChange, disabled, ...rest }: NumberFieldProps) {
  const { label, hint, error, hideLabel, aside, className } = rest;
  const [typed, setTyped] = useState<string | null>(null);
  const shown = useRef(value);
  useEffect(() => {
    shown.current = value;
  }, [value]);
  const settle = (text: string | null) => {
    setTyped(null);
    const number = Number(text);
    if (text === null || text.trim() === '' || !Number.isFinite(number)) return;
    const nearest = Math.min(max, Math.max(min, Math.round(number / step) * step));
    if (nearest !== shown.current) onChange(nearest);
  };
  const nudge = (by: number) => {
    setTyped(null);
    const next = Math.min(max, Math.max(min, Math.round((shown.current + by) / step) * step));
    shown.current = next;
    onChange(next);
  };
  return (
    <Field {...{ label, hint, error, hideLabel, aside, className }}>
      {({ id, describedBy, invalid }) => (
        <input
          id={id}
          inputMode="numeric"
          role="spinbutton"
          aria-valuenow={value}
          aria-valuemin={min}
          aria-valuemax={max}
          aria-describedby={describedBy}
          aria-invalid={invalid}
          autoComplete="off"
          disabled={disabled}
          data-testid={rest['data-testid']}
          className={clsx(inputLook, 'num h-8 pointer-coarse:h-11')}
          value={typed ?? String(value)}
          onChange={(e) => setTyped(e.target.value)}
          onBlur={() => settle(typed)}
          onKeyDown={(e) => {
            if (e.key === 'Enter') settle(typed);
            else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
              e.preventDefault();
              nudge((e.key === 'ArrowUp' ? 1 : -1) * step * (e.shiftKey ? 10 : 1));
            }
          }}
        />
      )}
    </Field>
  );
}
