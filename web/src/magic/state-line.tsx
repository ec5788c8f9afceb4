// What Magic Prompt is doing or why it cannot, with the way on.
import { useEffect, useState } from 'react';
import { setPrefs } from '@/app/prefs';
import { useT } from '@/i18n';
import { duration } from '@/lib/format';
import { Button } from '@/ui/button';
import { Progress } from '@/ui/progress';
import { cancelRun, useRun } from './run';
import type { Magic } from './status';

/** The pressed button makes room for Cancel, and that for the buttons again: the focus goes along. */
function useFocusKept(): void {
  useEffect(() => {
    const button = document.querySelector<HTMLElement>('[data-testid="quick-cancel"]');
    if (document.activeElement === document.body) button?.focus();
    return () => {
      const isLost = document.activeElement === document.body || document.activeElement === button;
      if (isLost) requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-testid="quick-text"]')?.focus());
    };
  }, []);
}

export function Running() {
  const t = useT().magic;
  const run = useRun((s) => s.run);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  useFocusKept();
  if (!run) return null;
  const time = duration(Math.max(0, (now - run.startedAt) / 1000));
  const text = run.intent === 'generate' ? t.workingGenerate(time) : t.working(time);
  return (
    <div className="flex flex-col gap-2" data-testid="quick-running">
      <Progress label={t.started} value={null} />
      <div className="flex items-center gap-2">
        <p className="flex-1 text-caption text-text-2">{text}</p>
        <Button size="small" data-testid="quick-cancel" onClick={cancelRun}>
          {t.cancel}
        </Button>
      </div>
    </div>
  );
}

function Off() {
  const t = useT().magic;
  return (
    <div className="text-caption text-text-2">
      <p>
        {t.off} {t.toForm}{' '}
        <button type="button" className="font-medium text-accent underline-offset-2 hover:underline" onClick={() => setPrefs({ mode: 'form' })}>
          {t.openTab}
        </button>
      </p>
      <details className="mt-2">
        <summary className="w-fit rounded-control py-1 text-text-3 hover:text-text pointer-coarse:py-3.5">{t.setUp}</summary>
        <div className="mt-1.5 rounded-control bg-sunken p-2.5">
          <p>
            {t.offMore} {t.setUpText}
          </p>
          <dl className="mt-1.5 flex flex-col gap-1">
            <dt className="num text-micro text-text select-all"><code>IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA=1</code></dt>
            <dd className="mb-1">{t.setUpLocal}</dd>
            <dt className="num text-micro text-text select-all"><code>IDEOGRAM4_MAGIC_PROMPT_BASE_URL=http://…/v1</code></dt>
            <dd>{t.setUpServer}</dd>
          </dl>
        </div>
      </details>
    </div>
  );
}

/** One line about the state; `onUseText` is the way on without a language model. */
export function StateLine({ magic, refetch, onUseText }: { magic: Magic; refetch: () => void; onUseText: (() => void) | null }) {
  const t = useT().magic;
  const problem = useRun((s) => s.problem);
  if (magic.state === 'asking') return null;
  if (magic.state === 'off') return <Off />;
  const why =
    magic.state === 'incomplete'
      ? t.missing(magic.missing.join(', '))
      : magic.state === 'unreachable'
        ? `${t.unreachable} ${magic.why}`.trim()
        : magic.state === 'unknown'
          ? t.statusFailed
          : problem;
  if (!why) return magic.state === 'ready' && magic.model ? <p className="text-caption text-text-3">{t.writtenBy(magic.model)}</p> : null;
  return (
    <div role="alert" data-testid="quick-problem" className="border-s-2 border-bad ps-2.5">
      <p className="text-caption break-words text-text-2">{why}</p>
      <div className="mt-1.5 flex flex-wrap gap-2">
        {magic.state !== 'ready' && (
          <Button size="small" onClick={refetch}>
            {t.checkAgain}
          </Button>
        )}
        {onUseText && (
          <Button size="small" onClick={onUseText} title={t.useTextReplaces}>
            {t.useText}
          </Button>
        )}
      </div>
    </div>
  );
}
