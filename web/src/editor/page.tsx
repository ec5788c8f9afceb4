// The editor: stage and inspector over one document.
import { useEffect } from 'react';
import { NotFound } from '@/app/not-found';
import { Panel } from '@/app/panel';
import { keepDrafts } from '@/document/drafts';
import { Stage } from '@/stage/stage';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { later } from '@/ui/later';
import { Notices } from './notices';
import { useOpen, useServerDefaults } from './open';

const Inspector = later(() => import('./inspector').then((m) => m.Inspector));

export function EditorPage({ promptId }: { promptId: number | null }) {
  const t = useT();
  const opening = useOpen(promptId);
  useServerDefaults();
  useEffect(() => keepDrafts(), []);
  if (opening.state === 'missing') return <NotFound />;
  if (opening.state === 'failed') {
    return (
      <div role="alert" className="flex h-full flex-col items-center justify-center gap-3 p-6 text-center">
        <p>{t.tools.openFailed(opening.why)}</p>
        <Button onClick={opening.retry}>{t.ui.retry}</Button>
      </div>
    );
  }
  const isOpen = opening.state === 'open';
  return (
    <div className="flex h-full min-h-0 flex-col" aria-busy={!isOpen}>
      {isOpen && <Notices />}
      <div className="flex min-h-0 flex-1 max-laptop:flex-col">
        <section
          aria-label={t.app.stage}
          className="min-h-0 min-w-0 flex-1 bg-stage max-laptop:max-h-[46%] max-tablet:max-h-none max-tablet:group-data-[tab=create]/shell:hidden"
        >
          {isOpen && (
            <Panel>
              <Stage promptId={promptId} />
            </Panel>
          )}
        </section>
        <section
          aria-label={t.app.create}
          className="flex min-h-0 flex-col border-line bg-surface laptop:w-90 laptop:shrink-0 laptop:border-s desk:w-96 max-laptop:flex-1 max-laptop:border-t max-tablet:group-data-[tab=stage]/shell:hidden"
        >
          {isOpen && (
            <Panel>
              <Inspector promptId={promptId} />
            </Panel>
          )}
        </section>
      </div>
    </div>
  );
}
