// How far an archive is, with the way to stop it.
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Progress } from '@/ui/progress';
import { usePacking } from './download';

export function PackingStrip() {
  const t = useT();
  const now = usePacking((s) => s.now);
  if (!now) return null;
  return (
    <div data-testid="packing" className="flex shrink-0 items-center gap-3 border-t border-line bg-surface px-4 py-2 max-tablet:px-2">
      <span className="num text-control whitespace-nowrap text-text-2">{t.library.packing(now.done, now.total)}</span>
      <Progress label={t.library.packingName} value={now.total === 0 ? null : now.done / now.total} className="flex-1" />
      <Button size="small" onClick={now.stop}>
        {t.ui.cancel}
      </Button>
    </div>
  );
}
