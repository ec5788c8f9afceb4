// What the server refused (422), by the field concerned; shown there until the field changes.
import { create } from 'zustand';
import type { ApiError } from '@/api/client';
import type { Settings } from '@/document/store';

export type FieldName = keyof Settings | 'caption' | '';

export const useFieldErrors = create<{ errors: Partial<Record<FieldName, string>> }>()(() => ({ errors: {} }));

const NAMES: FieldName[] = ['width', 'height', 'preset', 'seed', 'format', 'loras', 'caption'];

/** "items.0.width" → width. */
function nameOf(field: string): FieldName {
  return NAMES.find((name) => field.split('.').includes(name)) ?? '';
}

export function showFieldErrors(error: ApiError): void {
  const errors: Partial<Record<FieldName, string>> = {};
  for (const { field, message } of error.fields) {
    const name = nameOf(field);
    errors[name] = errors[name] ? `${errors[name]}; ${message}` : message;
  }
  useFieldErrors.setState({ errors });
}

export function clearFieldErrors(...names: FieldName[]): void {
  const { errors } = useFieldErrors.getState();
  const left =
    names.length === 0 ? {} : Object.fromEntries(Object.entries(errors).filter(([n]) => !names.includes(n as FieldName)));
  if (Object.keys(left).length !== Object.keys(errors).length) useFieldErrors.setState({ errors: left });
}
