// How to write captions that the model understands.
import { useT } from '@/i18n';
import { Dialog } from '@/ui/dialog';

export function Guide({ onClose }: { onClose: () => void }) {
  const t = useT().editor;
  return (
    <Dialog title={t.guide} wide sheet onClose={onClose} data-testid="guide">
      <ol className="grid gap-x-8 gap-y-6 tablet:grid-cols-2">
        {t.guideTopics.map(({ title, text }, i) => (
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
