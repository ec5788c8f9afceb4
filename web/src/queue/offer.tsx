// Offered once, on the first job that takes long: a notification when it is done. Asked for only
// here, by a press.
import * as v from 'valibot';
import { useState } from 'react';
import type { Job } from '@/api/types';
import { setPrefs, usePrefs } from '@/app/prefs';
import { load, save } from '@/lib/storage';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toasts';
import { askToNotify, canNotify } from './notify';

const LONG_SECONDS = 30;

export function NotifyOffer({ job }: { job: Job }) {
  const t = useT().queue;
  const wanted = usePrefs((s) => s.notify);
  const [isAnswered, setAnswered] = useState(() => load('notify-offer', v.boolean()) ?? false);
  const isLong = (job.elapsed ?? 0) >= LONG_SECONDS && (job.eta ?? LONG_SECONDS) >= 10;
  if (isAnswered || wanted || !isLong || !canNotify() || Notification.permission === 'denied') return null;
  const answer = () => {
    save('notify-offer', true);
    setAnswered(true);
  };
  const yes = async () => {
    answer();
    if (await askToNotify()) setPrefs({ notify: true });
    else toast({ kind: 'bad', text: t.offerDenied });
  };
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1.5 text-control">
      <p className="min-w-40 flex-1 text-text-2">{t.offer}</p>
      <Button size="small" onClick={() => void yes()}>
        {t.offerYes}
      </Button>
      <Button size="small" look="quiet" onClick={answer}>
        {t.offerNo}
      </Button>
    </div>
  );
}
