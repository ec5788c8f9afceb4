// To the list of what the check found.
import { setUi } from '@/app/ui-state';

export const LINT_LIST_ID = 'lint-list';

export function showLintList(): void {
  setUi({ tab: 'create' });
  requestAnimationFrame(() => {
    const list = document.getElementById(LINT_LIST_ID);
    list?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    list?.focus({ preventScroll: true });
  });
}
