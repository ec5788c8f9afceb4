// What the check found, each with its remedy. A place name leads to the part it is about.
import clsx from 'clsx';
import { CircleCheck } from 'lucide-react';
import { useRef } from 'react';
import { useLint, type LintItem } from '@/document/use-lint';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { goToPart } from '../go-to';
import { LevelIcon, LEVEL_TEXT } from './mark';
import { LINT_LIST_ID } from './show';

function Row({ item, onFixed }: { item: LintItem; onFixed: () => void }) {
  const t = useT().lint;
  const place = item.where && (
    <button
      type="button"
      className="font-medium text-text underline decoration-line-strong underline-offset-2 hover:decoration-text"
      aria-label={t.goTo(item.where)}
      onClick={() => goToPart(item.path)}
    >
      {item.where}
    </button>
  );
  return (
    <li data-testid="lint-item" data-level={item.level} data-rule={item.rule} className="flex items-start gap-2 py-1.5">
      <span className="pt-0.5">
        <LevelIcon level={item.level} />
      </span>
      <p className="min-w-0 flex-1 text-caption leading-5 break-words text-text-2">
        <span className={clsx('sr-only', LEVEL_TEXT[item.level])}>{t.levels[item.level]}: </span>
        {place} {item.text}
      </p>
      {item.fix && (
        <Button
          size="small"
          className="text-caption pointer-fine:h-6"
          aria-label={t.fixNamed(item.fix.label, item.where || item.text)}
          onClick={() => {
            item.fix?.apply();
            onFixed();
          }}
        >
          {item.fix.label}
        </Button>
      )}
    </li>
  );
}

export function LintList({ className }: { className?: string }) {
  const t = useT().lint;
  const items = useLint();
  const ref = useRef<HTMLElement>(null);
  return (
    <section ref={ref} id={LINT_LIST_ID} tabIndex={-1} aria-label={t.title} className={clsx('-mt-px scroll-mt-4 border-t border-line px-4 py-3 outline-none', className)}>
      <h3 className="flex items-center gap-1.5 text-caption font-medium text-text-2">
        {t.title}
        <span className="num font-normal text-text-3">{items.length > 0 ? items.length : ''}</span>
        {items.length === 0 && (
          <span className="ms-auto flex items-center gap-1 font-normal text-text-3">
            <CircleCheck size={14} aria-hidden className="text-ok" />
            {t.none}
          </span>
        )}
      </h3>
      {items.length > 0 && (
        <ul className="mt-1 divide-y divide-line">
          {items.map((item) => (
            <Row key={item.key} item={item} onFixed={() => ref.current?.focus({ preventScroll: true })} />
          ))}
        </ul>
      )}
    </section>
  );
}
