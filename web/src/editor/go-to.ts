// From a place in the caption to the control that edits it.
import { setPrefs, usePrefs } from '@/app/prefs';
import { setUi } from '@/app/ui-state';
import type { Path } from '@/document/json';

const SELECTORS: Record<string, string> = {
  high_level_description: '[data-testid="field-hld"]',
  aesthetics: '[data-testid="field-aes"]',
  lighting: '[data-testid="field-light"]',
  medium: '[data-testid="field-med"]',
  photo: '[data-testid="field-cam"]',
  art_style: '[data-testid="field-cam"]',
  color_palette: '[data-testid="palette-text"]',
  style_description: '[data-testid="field-aes"]',
  background: '[data-testid="field-bg"]',
  elements: '[data-testid="element-card"] button',
};
const IN_ELEMENT: Record<string, string> = {
  text: '[data-testid="element-text"]',
  desc: '[data-testid="element-desc"]',
  bbox: '[data-testid="box-top"]',
  color_palette: '[data-testid="palette-text"]',
};

function selectorOf(path: Path): string {
  if (typeof path[2] === 'number') {
    const card = `[data-testid="element-card"][data-index="${path[2]}"]`;
    return `${card} ${(typeof path[3] === 'string' && IN_ELEMENT[path[3]]) || '[data-testid="element-kind"]'}`;
  }
  const last = path.findLast((step) => typeof step === 'string');
  return SELECTORS[String(last)] ?? '';
}

/** Opens the form where the part is not in view, and puts the focus on its control. */
export function goToPart(path: Path): void {
  const selector = selectorOf(path);
  if (selector === '') return;
  setUi({ tab: 'create', ...(typeof path[2] === 'number' ? { selection: [path[2]] } : {}) });
  const focus = (): boolean => {
    const control = document.querySelector<HTMLElement>(selector);
    control?.scrollIntoView({ block: 'center' });
    control?.focus();
    return control !== null;
  };
  if (usePrefs.getState().mode === 'form' && focus()) return;
  setPrefs({ mode: 'form' });
  requestAnimationFrame(() => requestAnimationFrame(focus));
}
