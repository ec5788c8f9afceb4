import { useState } from 'react';
import { useT } from '@/i18n';
import { toast } from '@/ui/toasts';

/** Runs a call of a button: busy meanwhile, and a failure says why. */
export function useAct(): { isBusy: boolean; act: (run: () => Promise<unknown>) => void } {
  const t = useT().stage;
  const [isBusy, setBusy] = useState(false);
  const act = (run: () => Promise<unknown>) => {
    setBusy(true);
    run()
      .catch((e: unknown) => {
        toast({ kind: 'bad', text: t.actionFailed(e instanceof Error ? e.message : String(e)), group: 'stage' });
      })
      .finally(() => setBusy(false));
  };
  return { isBusy, act };
}
