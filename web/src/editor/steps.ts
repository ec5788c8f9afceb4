// Names of undo steps: labels of edits are keys of the dictionary.
import type { Words } from '@/i18n/en';

export function stepName(label: string, t: Words['editor']): string {
  return (t.steps as Record<string, string>)[label] ?? t.steps.change;
}
