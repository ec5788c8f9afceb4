// The stage before the first picture: one sentence, three examples that fill the editor, the model.
import { useRef } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { capabilitiesQuery } from '@/api/queries';
import { useKeepFocus } from '@/lib/use-keep-focus';
import { announce } from '@/app/ui-state';
import { preferred } from '@/document/drafts';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { toast } from '@/ui/toasts';
import { EXAMPLES, sizeOf, type Example } from './examples';
import { Miniature } from './miniature';
import { ModelLine } from './model-card';

const FALLBACK = { min: 256, max: 2048, multiple: 16, pixels: 1024 * 1024 };

export function FirstRun() {
  const t = useT();
  const root = useRef<HTMLDivElement>(null);
  useKeepFocus(root, '[data-stage]');
  const client = useQueryClient();
  const use = async (example: Example) => {
    // A click may be faster than the machine says what it prefers.
    const can = await client.ensureQueryData(capabilitiesQuery).catch(() => undefined);
    const { doc, replace } = useDocument.getState();
    const size = sizeOf(example.ratio, can?.size ?? FALLBACK);
    replace('example', { text: example.text, settings: { ...preferred(doc.settings, can), ...size } });
    const text = t.stage.exampleUsed(t.stage.examples[example.name]);
    announce(text);
    toast({
      kind: 'info',
      text,
      group: 'example',
      action: { label: t.ui.undo, run: () => useDocument.getState().undo() },
    });
  };
  return (
    <div ref={root} className="scroll-thin absolute inset-0 overflow-y-auto">
      <div className="flex min-h-full flex-col items-center justify-center gap-6 p-6 text-center max-laptop:gap-4 max-laptop:p-4">
        <h2 className="max-w-md text-display font-semibold tracking-tight text-balance max-laptop:text-title">{t.stage.first}</h2>
        <ul className="flex flex-wrap items-end justify-center gap-x-8 gap-y-4 max-tablet:gap-x-4">
          {EXAMPLES.map((example) => (
            <li key={example.name}>
              <button
                type="button"
                data-testid={`example-${example.name}`}
                onClick={() => void use(example)}
                className="group flex flex-col items-center gap-2 rounded-control p-1"
              >
                <Miniature example={example} />
                <span className="sr-only">{t.stage.exampleUse(t.stage.examples[example.name])}</span>
                <span aria-hidden className="text-caption font-medium text-text-2 group-hover:text-text">
                  {t.stage.examples[example.name]}
                </span>
              </button>
            </li>
          ))}
        </ul>
        <div className="flex flex-col items-center gap-1.5">
          <ModelLine />
          <p className="text-caption text-text-3">{t.stage.firstNote}</p>
        </div>
      </div>
    </div>
  );
}
