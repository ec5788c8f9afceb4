// Everything one can do to one job, by its state.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { Job } from '@/api/types';
import { useT } from '@/i18n';
import type { MenuItem } from '@/ui/menu';
import { cancelScope, dropJob, moveJobs, retryJob } from './actions';
import { openJob } from './edit-job';
import { useCopyDetails } from './use-details';

export interface RowActions {
  next: () => void;
  up: () => void;
  down: () => void;
  edit: () => void;
  drop: () => void;
  show: (() => void) | null;
  again: (seed: 'same' | 'new', count?: number) => void;
  otherSeeds: () => void;
  copyDetails: () => void;
}

export interface Neighbours {
  before: number | null; // ids of the pending jobs around it
  after: number | null;
}

export function useRowActions(job: Job, { before, after }: Neighbours): RowActions {
  const client = useQueryClient();
  const navigate = useNavigate();
  const details = useCopyDetails();
  const show = () => {
    if (job.prompt_id !== null) {
      void navigate({ to: '/history/$promptId', params: { promptId: job.prompt_id } });
    } else if (job.image_id !== null) {
      void navigate({ to: '/library', search: { image: job.image_id, flag: 'any' } });
    }
  };
  return {
    next: () => void moveJobs(client, [job.id], { at: 'next' }),
    up: () => before !== null && void moveJobs(client, [job.id], { before }),
    down: () => after !== null && void moveJobs(client, [job.id], { after }),
    edit: () => void openJob(job.id, navigate),
    drop: () =>
      void (job.state === 'running' && job.origin === 'queue' ? cancelScope(client, 'current') : dropJob(client, job)),
    show: job.image_id === null ? null : show,
    again: (seed, count = 1) => void retryJob(client, job.id, { seed, count }),
    otherSeeds: () => void retryJob(client, job.id, { seed: 'new', count: 3, until_picture: true }),
    copyDetails: () => details(job),
  };
}

export function useRowMenu(job: Job, actions: RowActions, around: Neighbours): (MenuItem | null)[] {
  const t = useT().queue;
  const fourMore = { label: t.fourMore, run: () => actions.again('new', 4) };
  switch (job.state) {
    case 'pending':
      return [
        { label: t.runNext, disabled: around.before === null, run: actions.next },
        { label: t.moveUp, disabled: around.before === null, run: actions.up },
        { label: t.moveDown, disabled: around.after === null, run: actions.down },
        null,
        { label: t.edit, run: actions.edit },
        { label: t.duplicate, run: () => actions.again('new') },
        fourMore,
        null,
        { label: t.cancel, isBad: true, run: actions.drop },
      ];
    case 'running':
      return [
        { label: t.duplicate, run: () => actions.again('new') },
        fourMore,
        { label: t.openInEditor, run: actions.edit },
        { label: t.copyDetails, run: actions.copyDetails },
        null,
        { label: t.stop, isBad: true, disabled: job.cancelling, run: actions.drop },
      ];
    default:
      return [
        ...(actions.show ? [{ label: t.show, run: actions.show }] : []),
        ...(job.flag === 'blocked' ? [{ label: t.otherSeeds, run: actions.otherSeeds }] : []),
        { label: t.again, run: () => actions.again('same') },
        { label: t.againNew, run: () => actions.again('new') },
        fourMore,
        null,
        { label: t.openInEditor, run: actions.edit },
        { label: t.copyDetails, run: actions.copyDetails },
        null,
        { label: t.remove, run: actions.drop },
      ];
  }
}
