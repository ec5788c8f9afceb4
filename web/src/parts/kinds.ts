// From the open document to a part, and from a part into the document.
import { setUi } from '@/app/ui-state';
import { PALETTE_MAX, STYLE, elementValue, insertElement, isDict, put, read, type Caption } from '@/document/caption';
import { isExact } from '@/document/colours';
import { useDocument, type Doc } from '@/document/store';
import { applyTemplate, type Slot } from '@/editor/layout/templates';
import { putPalette } from '@/editor/style/edits';
import { shorten } from '@/lib/format';
import { parse } from '@/document/json';
import type { Content, Kind, Part } from './store';

const NAME = 40;

export interface Candidate {
  name: string;
  content: Content;
}

/** What could be saved now; null: there is nothing of that kind. `at`: which element. */
export function candidate(kind: Kind, doc: Doc, caption: Caption, at: number): Candidate | null {
  const named = (text: string, content: Content): Candidate => ({ name: shorten(text.trim(), NAME), content });
  switch (kind) {
    case 'prompt': {
      const isEmpty = caption.hld.trim() === '' && caption.background.trim() === '' && caption.elements.length === 0;
      const { width, height } = doc.settings;
      return isEmpty ? null : named(caption.hld || caption.background, { kind, text: doc.text, width, height });
    }
    case 'style': {
      const parsed = parse(doc.text);
      const style = parsed.ok && isDict(parsed.root.value) ? parsed.root.value.style_description : undefined;
      return isDict(style) ? named(caption.look || caption.aesthetics || caption.medium, { kind, value: style }) : null;
    }
    case 'element': {
      const value = elementValue(doc.text, at);
      const e = caption.elements[at];
      return e && isDict(value) ? named(e.text || e.desc, { kind, value }) : null;
    }
    case 'layout': {
      const slots = caption.elements.flatMap((e): Slot[] => (e.box ? [{ kind: e.kind, box: e.box }] : []));
      return slots.length > 0 ? named('', { kind, slots }) : null;
    }
    case 'palette':
      return paletteCandidate(caption.palette);
  }
}

export function paletteCandidate(colours: string[]): Candidate | null {
  const exact = [...new Set(colours.filter(isExact))];
  return exact.length > 0 ? { name: '', content: { kind: 'palette', colours: exact } } : null;
}

export function insertPart(part: Part): void {
  const { doc, good, edit, replace } = useDocument.getState();
  switch (part.kind) {
    case 'prompt':
      return replace('restore', { text: part.text, settings: { ...doc.settings, width: part.width, height: part.height } });
    case 'style':
      return edit('style', put(STYLE, part.value));
    case 'element': {
      edit('addElement', insertElement(part.value));
      return setUi({ selection: [good.caption.elements.length] });
    }
    case 'layout':
      return applyTemplate(part.slots, true);
    case 'palette':
      return edit('palette', putPalette(part.colours.slice(0, PALETTE_MAX)));
  }
}

/** A prompt or one of its parts as a caption, for previews. */
export function captionOf(part: Part): Caption {
  const parsed = part.kind === 'prompt' ? parse(part.text) : null;
  if (parsed?.ok) return read(parsed.root.value);
  if (part.kind === 'style') return read({ style_description: part.value });
  if (part.kind === 'element') return read({ compositional_deconstruction: { elements: [part.value] } });
  if (part.kind === 'layout') {
    return read({ compositional_deconstruction: { elements: part.slots.map((s) => ({ type: s.kind, bbox: [...s.box] })) } });
  }
  return read(part.kind === 'palette' ? { style_description: { color_palette: part.colours } } : {});
}
