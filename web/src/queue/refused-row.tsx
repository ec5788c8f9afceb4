// A submission the server said no to, with its reasons and the ways on.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { TriangleAlert, X } from 'lucide-react';
import { call } from '@/api/client';
import { capabilitiesQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import { copyText } from '@/lib/clipboard';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { intoEditor } from '@/viewer/into-editor';
import { tellAdded } from './actions';
import { captionText } from './edit-job';
import { jobLabel } from './labels';
import { dropRefused, noteRefused, type Refused } from './refused';

export function RefusedRow({ refused }: { refused: Refused }) {
  const t = useT();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const item = refused.items[0];
  if (!item) return null;
  const label = jobLabel(item, t.queue.untitled, item.caption);
  const retry = async () => {
    dropRefused(refused.key);
    try {
      const body = { items: refused.items, at: refused.next ? 'next' : 'end' };
      const added = await call<{ jobs: Job[] }>('/api/queue', { body });
      tellAdded(client, added.jobs ?? []);
    } catch (e) {
      noteRefused(refused.items, refused.next, e);
    }
  };
  const details = [
    `ideogram4 ${capabilities?.version ?? ''}`,
    `POST /api/queue: ${refused.status}`,
    ...refused.errors,
    `${item.width}x${item.height}, ${item.preset}, ${item.format}, seed ${item.seed}`,
  ].join('\n');
  return (
    <li
      data-testid="queue-row"
      data-state="failed"
      data-id={refused.key}
      className="flex items-start gap-2 border-b border-line py-1.5 pe-2 ps-3"
    >
      <TriangleAlert size={16} aria-hidden className="m-2 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <div className="flex items-baseline gap-3">
          <span className="min-w-0 flex-1 truncate text-control font-medium">{label}</span>
          <span className="text-caption text-bad">{t.queue.refused}</span>
        </div>
        {refused.errors.map((error) => (
          <p key={error} className="text-caption break-words text-bad">
            {error}
          </p>
        ))}
        <div className="flex flex-wrap gap-1 pt-1">
          <Button size="small" onClick={() => void retry()}>
            {t.ui.retry}
          </Button>
          <Button
            size="small"
            look="quiet"
            onClick={() =>
              void intoEditor({ ...item, caption: captionText(item.caption), loras: item.loras ?? null }, navigate)
            }
          >
            {t.queue.openInEditor}
          </Button>
          <Button size="small" look="quiet" onClick={() => void copyText(details)}>
            {t.queue.copyDetails}
          </Button>
        </div>
      </div>
      <IconButton size="small" label={t.queue.remove} onClick={() => dropRefused(refused.key)}>
        <X size={15} />
      </IconButton>
    </li>
  );
}
