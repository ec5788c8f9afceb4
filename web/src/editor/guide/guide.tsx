// How to write captions that the model understands.
import { useT } from '@/i18n';
import { guideTopics as de } from '@/i18n/de/guide';
import { guideTopics as en } from '@/i18n/en/guide';
import { useLaterWords } from '@/i18n/later';
import { Dialog } from '@/ui/dialog';

const TOPICS = { en, de };

export function Guide({ onClose }: { onClose: () => void }) {
  const t = useT().editor;
  const topics = useLaterWords(TOPICS);
  return (
    <Dialog title={t.guide} wide sheet onClose={onClose} data-testid="guide">
      <ol className="grid gap-x-8 gap-y-6 tablet:grid-cols-2">
        {topics.map(({ title, text }, i) => (
          <li key={title} className="flex gap-3">
            <span aria-hidden className="num pt-0.5 text-caption text-text-3">
              {i + 1}
            </span>
            <div className="max-w-[68ch]">
              <h3 className="text-body font-semibold">{title}</h3>
              {text.map((paragraph) => (
                <p key={paragraph} className="mt-1.5 text-body text-text-2">
                  {paragraph}
                </p>
              ))}
            </div>
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
