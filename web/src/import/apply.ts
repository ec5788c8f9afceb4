// What was read into the document; each is one step that undo takes back.
import { ELEMENTS, insertElement, isBox, isDict, put, read, type Edit } from '@/document/caption';
import { find, parse, write, type Json } from '@/document/json';
import { useDocument, type Doc } from '@/document/store';
import { unmark } from '@/editor/settings/seed';
import { fit, isPossible, nearest, type Limits } from '@/editor/settings/size';
import type { Imported } from './recipe';

export type Part = 'everything' | 'caption' | 'layout' | 'settings';

/** A plain prompt as the caption that says it. */
function captionText(caption: string): string {
  const parsed = parse(caption);
  if (parsed.ok && isDict(parsed.root.value)) return caption;
  return write({ high_level_description: caption, compositional_deconstruction: { background: '', elements: [] } });
}

function elementsOf(text: string): Json[] {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, ELEMENTS)?.value : undefined;
  return Array.isArray(list) ? list : [];
}

/**
 * The boxes of another caption: each goes to the next element of its kind here, which keeps its
 * words; boxes that are left over come with their elements.
 */
export const putLayout =
  (from: string): Edit =>
  (source) => {
    let result = source;
    const parsed = parse(source);
    const mine = read(parsed.ok ? parsed.root.value : null).elements;
    const free = new Set(mine.map((e) => e.index));
    for (const theirs of elementsOf(from)) {
      if (!isDict(theirs) || !isBox(theirs.bbox)) continue;
      const kind = theirs.type === 'text' ? 'text' : 'obj';
      const target = mine.find((e) => free.has(e.index) && e.kind === kind);
      if (target) {
        free.delete(target.index);
        result = put([...ELEMENTS, target.index, 'bbox'], theirs.bbox)(result);
      } else result = insertElement(theirs)(result);
    }
    return result;
  };

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
