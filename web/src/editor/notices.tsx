// What the editor has to ask, above everything else on its page and never in the way.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { keys } from '@/api/queries';
import { saveNow, watchDraft } from '@/document/drafts';
import { useDocument, type Doc } from '@/document/store';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toasts';
import { jobsToOffer, offerDone, restoreJobs } from './moving';

function Notice({ testId, text, children }: { testId: string; text: string; children: ReactNode }) {
  return (
    <div
      role="status"
      data-testid={testId}
      className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-accent-soft px-4 py-1.5 text-control"
    >
      <span className="min-w-0 flex-1">{text}</span>
      <span className="flex gap-2">{children}</span>
    </div>
  );
}

/** The same draft was changed in another tab. */
function OtherTab() {
  const t = useT().tools;
  const key = useDocument((s) => s.key);
  const [other, setOther] = useState<{ key: string; doc: Doc } | null>(null);
  useEffect(() => watchDraft(key, (doc) => setOther({ key, doc })), [key]);
  if (other?.key !== key) return null;
  return (
    <Notice testId="draft-notice" text={t.otherTab}>
      <Button
        size="small"
        onClick={() => {
          useDocument.getState().replace('edit', other.doc);
          setOther(null);
        }}
      >
        {t.takeOther}
      </Button>
      <Button
        size="small"
        look="quiet"
        onClick={() => {
          setOther(null);
          void saveNow();
        }}
      >
        {t.keepMine}
      </Button>
    </Notice>
  );
}

/** Jobs that were still waiting in the original page. */
function OldJobs() {
  const t = useT().tools;
  const client = useQueryClient();
  const [jobs, setJobs] = useState(jobsToOffer);
  const [isBusy, setBusy] = useState(false);
  if (jobs.length === 0) return null;
  const restore = async () => {
    setBusy(true);
    try {
      await restoreJobs(jobs);
      setJobs([]);
      toast({ kind: 'ok', text: t.restored(jobs.length), group: 'moved-jobs' });
      void client.invalidateQueries({ queryKey: keys.queue });
    } catch (e) {
      toast({ kind: 'bad', text: t.restoreFailed(e instanceof Error ? e.message : String(e)), group: 'moved-jobs' });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Notice testId="moved-jobs" text={t.movedJobs(jobs.length)}>
      <Button size="small" disabled={isBusy} onClick={() => void restore()}>
        {t.restoreJobs(jobs.length)}
      </Button>
      <Button
        size="small"
        look="quiet"
        onClick={() => {
          offerDone();
          setJobs([]);
        }}
      >
        {t.notNow}
      </Button>
    </Notice>
  );
}

export function Notices() {
  return (
    <>
      <OldJobs />
      <OtherTab />
    </>
  );
}
