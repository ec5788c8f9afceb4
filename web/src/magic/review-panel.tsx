// After a run: what changed, section by section, each to be taken or taken back.
import { X } from 'lucide-react';
import { announce } from '@/app/ui-state';
import { all } from '@/document/caption';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { review as de } from '@/i18n/de/review';
import { review as en } from '@/i18n/en/review';
import { useLaterWords } from '@/i18n/later';
import { Button, IconButton } from '@/ui/button';
import { Segmented } from '@/ui/segmented';
import { changed, putSection, sectionOf, sideOf, type Section, type Side } from './review';
import type { Review } from './review-state';
import { SectionChange } from './section-change';

const WORDS = { en, de };

export function ReviewPanel({ review, onClose }: { review: Review; onClose: () => void }) {
  const t = useLaterWords(WORDS);
  const ui = useT().ui;
  const text = useDocument((s) => s.doc.text);
  const edit = useDocument((s) => s.edit);
  const sections = changed(review);
  const sides = sections.map((s) => sideOf(text, s, review));
  const valueOf = (section: Section, side: Side) => sectionOf(review[side], section);
  const take = (section: Section, side: Side) => {
    edit('magic', putSection(section, valueOf(section, side)));
    announce(side === 'before' ? t.isBefore(t.sections[section]) : t.isAfter(t.sections[section]));
  };
  const takeAll = (side: Side) => edit('magic', all(...sections.map((s) => putSection(s, valueOf(s, side)))));
  const other: Side = sides.every((side) => side === 'before') ? 'after' : 'before';
  // Another document took the place of the written one.
  if (sections.length === 0 || sides.every((side) => side === null)) return null;
  return (
    <section aria-label={t.title} data-testid="magic-review" className="border-t border-line pt-3">
      <div className="flex items-center gap-2">
        <h4 className="flex-1 text-control font-semibold">{t.title}</h4>
        <IconButton size="small" label={ui.close} onClick={onClose}>
          <X size={14} />
        </IconButton>
      </div>
      <p className="text-caption text-text-3">{t.note}</p>
      <ul className="mt-2 divide-y divide-line border-y border-line">
        {sections.map((section, i) => (
          <li key={section} data-section={section} data-side={sides[i] ?? 'own'} className="flex flex-col gap-1.5 py-2.5">
            <div className="flex min-h-8 items-center gap-2">
              <h5 className="text-caption font-medium text-text-2">{t.sections[section]}</h5>
              <span className="flex-1 text-right text-micro text-text-3">{sides[i] === null && t.edited}</span>
              <Segmented
                label={t.sideOf(t.sections[section])}
                value={sides[i] ?? ''}
                choices={[
                  { value: 'before', label: t.sides.before, testId: `review-${section}-before` },
                  { value: 'after', label: t.sides.after, testId: `review-${section}-after` },
                ]}
                onChange={(side) => take(section, side as Side)}
              />
            </div>
            <SectionChange section={section} before={review.before} after={review.after} t={t} />
          </li>
        ))}
      </ul>
      <div className="mt-3 flex gap-2">
        <Button data-testid="review-all" onClick={() => takeAll(other)}>
          {other === 'before' ? t.allBefore : t.allAfter}
        </Button>
        <Button data-testid="review-done" onClick={onClose}>
          {t.done}
        </Button>
      </div>
    </section>
  );
}
