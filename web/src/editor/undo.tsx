// Undo and redo for the whole document, and the last steps by name.
import { History, Redo2, Undo2 } from 'lucide-react';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import type { Words } from '@/i18n/en';
import { IconButton } from '@/ui/button';
import { Menu } from '@/ui/menu';
import { stepName } from './steps';

const SHOWN = 12;


/** Labels are names of kinds of steps where the dictionary has them, else words already. */
function nameOf(label: string, t: Words): string {
  const ours: Record<string, string> = t.tools.steps;
  return ours[label] ?? stepName(label, t.editor);
}

function undoTimes(n: number): void {
  const { undo } = useDocument.getState();
  for (let i = 0; i < n; i++) undo();
}

export function UndoButtons() {
  const t = useT();
  const past = useDocument((s) => s.past);
  const future = useDocument((s) => s.future);
  const { undo, redo } = useDocument.getState();
  const last = past.at(-1);
  const next = future.at(-1);
  const name = (label: string) => nameOf(label, t);
  return (
    <div className="flex shrink-0">
      <IconButton
        data-testid="undo"
        label={last ? `${t.ui.undo}: ${name(last.label)}` : t.ui.undo}
        keys="undo"
        aria-disabled={!last || undefined}
        className="aria-disabled:opacity-40"
        onClick={undo}
      >
        <Undo2 size={16} />
      </IconButton>
      <IconButton
        data-testid="redo"
        label={next ? `${t.ui.redo}: ${name(next.label)}` : t.ui.redo}
        keys="redo"
        aria-disabled={!next || undefined}
        className="aria-disabled:opacity-40"
        onClick={redo}
      >
        <Redo2 size={16} />
      </IconButton>
      <Menu
        align="start"
        trigger={
          <button
            type="button"
            aria-label={t.settings.history}
            title={t.settings.history}
            disabled={past.length === 0}
            className="flex size-8 items-center justify-center rounded-control text-text-2 hover:bg-sunken hover:text-text disabled:opacity-40 pointer-coarse:size-11"
          >
            <History size={16} />
          </button>
        }
        items={past
          .slice(-SHOWN)
          .map((step, i, list) => ({
            // equal names need different keys
            label: `${name(step.label)}${'\u200b'.repeat(list.length - i)}`,
            run: () => undoTimes(list.length - i),
          }))
          .toReversed()}
      />
    </div>
  );
}
