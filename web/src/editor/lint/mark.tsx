// A small mark beside a field that the check has something to say about.
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import { itemsAt, useLint } from '@/document/use-lint';
import type { Level } from '@/document/lint';
import type { Path } from '@/document/json';
import { useT } from '@/i18n';
import { Tip } from '@/ui/tip';
import { showLintList } from './show';

const ICONS = { error: CircleAlert, warning: TriangleAlert, hint: Info };
export const LEVEL_TEXT: Record<Level, string> = { error: 'text-bad', warning: 'text-warn', hint: 'text-text-3' };

export function LevelIcon({ level, size = 14 }: { level: Level; size?: number }) {
  const Icon = ICONS[level];
  return <Icon size={size} aria-hidden className={`shrink-0 ${LEVEL_TEXT[level]}`} />;
}

/** `inside` counts what lies within the part, too. */
export function LintMark({ path, inside }: { path: Path; inside?: boolean }) {
  const t = useT().lint;
  const items = itemsAt(useLint(), path, inside);
  const first = items[0];
  if (!first) return null;
  const text = items.map((i) => i.text).join(' ');
  return (
    <Tip text={text}>
      <button
        type="button"
        aria-label={`${t.levels[first.level]}: ${text}`}
        className="inline-flex size-6 shrink-0 items-center justify-center self-center rounded-control hover:bg-sunken"
        onClick={showLintList}
      >
        <LevelIcon level={first.level} />
      </button>
    </Tip>
  );
}
