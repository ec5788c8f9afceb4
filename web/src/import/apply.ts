// What was read into the document; each is one step that undo takes back.
import { isDict } from '@/document/caption';
import { parse, write } from '@/document/json';
import { useDocument, type Doc } from '@/document/store';
import { unmark } from '@/editor/settings/seed';
import { fit, isPossible, nearest, type Limits } from '@/editor/settings/size';
import { putLayout } from './put-layout';
import type { Imported } from './recipe';

export type Part = 'everything' | 'caption' | 'layout' | 'settings';

/** A plain prompt as the caption that says it. */
function captionText(caption: string): string {
  const parsed = parse(caption);
  if (parsed.ok && isDict(parsed.root.value)) return caption;
  return write({ high_level_description: caption, compositional_deconstruction: { background: '', elements: [] } });
}

/** Sizes that this server cannot draw become the nearest that it can. */
function settingsIn(doc: Doc, imported: Imported, limits: Limits): Doc['settings'] {
  const settings = { ...doc.settings, ...imported.settings };
  const { width, height } = settings;
  if (imported.settings.width === undefined && imported.ratio !== null) {
    return { ...settings, ...fit(imported.ratio, width * height, limits) };
  }
  return isPossible({ width, height }, limits) ? settings : { ...settings, ...nearest({ width, height }, limits) };
}

export function docWith(doc: Doc, imported: Imported, part: Part, limits: Limits): Doc {
  const caption = imported.caption === null ? null : captionText(imported.caption);
  const settings = settingsIn(doc, imported, limits);
  switch (part) {
    case 'everything':
      return { text: caption ?? doc.text, settings };
    case 'caption':
      return { ...doc, text: caption ?? doc.text };
    case 'layout':
      return caption === null ? doc : { ...doc, text: putLayout(caption)(doc.text) };
    case 'settings':
      return { ...doc, settings };
  }
}

export function apply(imported: Imported, part: Part, limits: Limits): void {
  const { key, doc, good, error, replace } = useDocument.getState();
  // A layout goes into the last text that was a caption.
  const base = error && part === 'layout' ? { ...doc, text: good.text } : doc;
  unmark(key);
  replace('import', docWith(base, imported, part, limits));
}
