// A blank document in the blank editor, with the way back; the draft of an open entry stays.
import { EMPTY_DOC, useDocument } from '@/document/store';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { openDocument } from './open';

export async function createNew(): Promise<void> {
  const { settings } = useDocument.getState().doc;
  await openDocument('new');
  useDocument.getState().replace('new', { ...EMPTY_DOC, settings: { ...settings, seed: '', seedLocked: false } });
  toast({
    kind: 'info',
    text: words().tools.commands.new,
    group: 'new',
    action: { label: words().ui.undo, run: () => useDocument.getState().undo() },
  });
}
