// A recipe into the editor: it replaces the document there, and one press brings the old one back.
import { isDict } from '@/document/caption';
import { parse, write } from '@/document/json';
import { useDocument, type Doc } from '@/document/store';
import { setUi } from '@/app/ui-state';
import type { LoraUse } from '@/api/types';
import { openDocument } from '@/editor/open';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';

export interface Into {
  caption: string | null; // its exact text; null: only the settings are known
  width: number | null;
  height: number | null;
  preset: string | null;
  seed: number | null;
  format: string | null;
  loras: LoraUse[] | null;
}

export type Navigate = (to: { to: '/' }) => Promise<void> | void;

/** The text for the editor; a plain prompt becomes the caption that says it. */
export function textOf(caption: string): string {
  const parsed = parse(caption);
  if (parsed.ok && isDict(parsed.root.value)) {
    // On one line it is hard to read; it is spread out where that loses nothing.
    return JSON.stringify(parsed.root.value) === caption ? write(parsed.root.value) : caption;
  }
  return write({
    high_level_description: caption,
    compositional_deconstruction: { background: '', elements: [] },
  });
}

export function docWith(doc: Doc, into: Into): Doc {
  const s = doc.settings;
  return {
    text: into.caption === null ? doc.text : textOf(into.caption),
    settings: {
      ...s,
      width: into.width ?? s.width,
      height: into.height ?? s.height,
      preset: into.preset ?? s.preset,
      seed: into.seed === null ? s.seed : String(into.seed),
      format: into.format ?? s.format,
      loras: into.loras ?? s.loras,
    },
  };
}

const isEditor = () => /^\/($|history\/)/.test(window.location.pathname);
const isNarrow = () => window.matchMedia('(max-width: 767px)').matches;

async function toEditor(navigate: Navigate): Promise<void> {
  if (!isEditor()) {
    await openDocument('new'); // its draft first, so that it does not come on top
    await navigate({ to: '/' });
  }
  setUi({ tab: 'create', ...(isNarrow() ? { queueOpen: false } : {}) });
}

const say = (text: string): void =>
  toast({
    kind: 'ok',
    text,
    group: 'recipe',
    action: { label: words().ui.undo, run: () => useDocument.getState().undo() },
  });

export async function intoEditor(into: Into, navigate: Navigate): Promise<void> {
  await toEditor(navigate);
  const { doc, replace } = useDocument.getState();
  replace('recipe', docWith(doc, into));
  say(words().queue.editOpened);
}

/** Only its boxes: the words in the editor stay. */
export async function layoutIntoEditor(caption: string, navigate: Navigate): Promise<void> {
  const { putLayout } = await import('@/import/put-layout');
  await toEditor(navigate);
  const { doc, good, error, replace } = useDocument.getState();
  // It goes into the last text that was a caption.
  replace('recipe', { ...doc, text: putLayout(textOf(caption))(error ? good.text : doc.text) });
  say(words().viewer.layoutUsed);
}

export function takeSeed(seed: number): void {
  useDocument.getState().setSettings('seed', { seed: String(seed) });
  toast({ kind: 'ok', text: words().viewer.seedSet(seed), group: 'seed' });
}
