// Says that a waiting job is open in the editor, and takes the text back into it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { queueQuery } from '@/api/queries';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { isWaiting, leaveJob, saveBack, useEditing } from './edit-job';

export function EditingStrip() {
  const t = useT();
  const client = useQueryClient();
  const { data: queue } = useQuery(queueQuery);
  const { id, label } = useEditing();
  if (id === null) return null;
  const canSave = isWaiting(queue, id);
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1 bg-accent-soft px-4 py-1.5 text-control">
      <p className="min-w-0 truncate">{canSave ? t.queue.editing(label) : t.queue.editingGone}</p>
      {canSave && (
        <Button size="small" look="ink" onClick={() => void saveBack(client)}>
          {t.queue.saveBack}
        </Button>
      )}
      <Button size="small" onClick={leaveJob}>
        {canSave ? t.queue.leaveJob : t.ui.dismiss}
      </Button>
    </div>
  );
}
