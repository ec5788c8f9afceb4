import { beforeEach, describe, expect, it } from 'vitest';
import { read } from '@/document/caption';
import { parse } from '@/document/json';
import { EMPTY_DOC, useDocument } from '@/document/store';
import { partsIn } from './file';
import { candidate, insertPart } from './kinds';
import { KINDS, type Part } from './store';

const TEXT = `{
  "high_level_description": "A boat.",
  "style_description": {"aesthetics": "calm", "photo": "50mm", "medium": "photograph", "color_palette": ["#102048"]},
  "compositional_deconstruction": {"background": "sea", "elements": [{"type": "obj", "bbox": [1, 2, 300, 400], "desc": "a boat", "mine": 1}]}
}`;
const now = () => {
  const { doc, good } = useDocument.getState();
  return { doc, caption: good.caption };
};
const take = (kind: Part['kind'], at = 0): Part => {
  const { doc, caption } = now();
  const found = candidate(kind, doc, caption, at);
  if (!found) throw new Error('nothing to save');
  return { ...found.content, id: kind, name: found.name } as Part;
};
const value = () => JSON.parse(useDocument.getState().doc.text);

describe('saved parts', () => {
  beforeEach(() => useDocument.getState().open('new', { ...EMPTY_DOC, text: TEXT }));

  it('come back as they were, and nothing else changes', () => {
    const parts = KINDS.map((kind) => take(kind));
    expect(parts.map((p) => p.name)).toEqual(['A boat.', '50mm', 'a boat', '', '']);
    useDocument.getState().open('new', EMPTY_DOC);
    for (const part of parts.filter((p) => p.kind === 'style' || p.kind === 'element')) insertPart(part);
    expect(value().style_description).toEqual(JSON.parse(TEXT).style_description);
    expect(value().compositional_deconstruction.elements).toEqual(JSON.parse(TEXT).compositional_deconstruction.elements);
    expect(value().high_level_description).toBe('');
    const [prompt] = parts;
    insertPart(prompt!);
    expect(useDocument.getState().doc.text).toBe(TEXT);
    useDocument.getState().undo();
    expect(value().high_level_description).toBe('');
  });

  it('are not offered where there is nothing', () => {
    const { doc } = now();
    const bare = { ...doc, text: EMPTY_DOC.text };
    const parsed = parse(bare.text);
    const caption = read(parsed.ok ? parsed.root.value : {});
    expect(KINDS.map((kind) => candidate(kind, bare, caption, 0))).toEqual([null, null, null, null, null]);
  });

  it('are read from a file as far as they are parts, each once', () => {
    const parts = KINDS.map((kind) => take(kind));
    const file = JSON.stringify({ kind: 'ideogram4-parts', parts: [...parts, ...parts, { kind: 'style' }, 7, { ...parts[4], colours: ['red'] }] });
    expect(partsIn(file, [])).toHaveLength(5);
    expect(partsIn(file, parts.slice(1))?.map((p) => p.kind)).toEqual(['prompt']);
    expect([partsIn('{', []), partsIn('{"kind":"x","parts":[]}', [])]).toEqual([null, null]);
  });
});
