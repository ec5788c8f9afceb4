// How much the check found, beside Generate; leads to the list.
import { CircleCheck } from 'lucide-react';
import { useLint } from '@/document/use-lint';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { LevelIcon } from './mark';
import { showLintList } from './show';

/** Errors and warnings; hints count only as long as there is nothing else to say. */
export function LintCount({ className }: { className?: string }) {
  const t = useT().lint;
  const items = useLint();
  const counted = items.filter((i) => i.level !== 'hint').length;
  const worst = items[0]?.level;
  const said = items.length === 0 ? t.none : t.count(counted || items.length);
  return (
    <IconButton
      size="small"
      label={said.includes(String(counted)) ? said : `${said}: ${counted}`} // what is seen is in the name
      data-testid="lint-count"
      data-level={worst}
      className={`aspect-auto! gap-1 px-1.5! ${className ?? ''}`}
      onClick={showLintList}
    >
      {worst ? <LevelIcon level={worst} /> : <CircleCheck size={14} aria-hidden className="text-ok" />}
      <span aria-hidden className="num">{counted}</span>
    </IconButton>
  );
}
