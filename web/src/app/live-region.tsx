import { useUi } from './ui-state';

/** What happens, said once to those who listen instead of look. */
export function LiveRegion() {
  const text = useUi((s) => s.liveText);
  return (
    <div role="status" aria-live="polite" data-testid="live-region" className="sr-only">
      {text}
    </div>
  );
}
