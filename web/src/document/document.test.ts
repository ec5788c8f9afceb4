import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as caption from './caption';
import { captionOfForm, formOf, readForm, textOfForm } from './form';
import { insertAt, move, parse, set, write, type Json } from './json';
import { DEFAULT_SETTINGS, EMPTY_DOC, useDocument } from './store';

const odd = `{
  "zz": 1.50,
  "compositional_deconstruction": { "elements": [ {"desc": "a", "type":"obj","x":[1 ,2]}, {"type": "text", "text": "HI", "desc": "b", "bbox": [1,2,300,400]} ], "background": "w" },
  "high_level_description": "d"
}`;

describe('json', () => {
  it('agrees with JSON.parse on every value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const parsed = parse(text);
        expect(parsed.ok && JSON.stringify(parsed.root.value)).toBe(JSON.stringify(JSON.parse(text)));
        expect(JSON.parse(write(value as Json))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses, with a place', () => {
    for (const text of ['', '{', '{"a":}', '[1,]', '{"a" 1}', 'tru', '"\u0001"', '01', '{"a":1}x', '"a\nb"', '[1 2]']) {
      const parsed = parse(text);
      expect(parsed.ok, text).toBe(false);
      if (!parsed.ok) expect(parsed.error.line).toBeGreaterThan(0);
    }
    const broken = parse('{\n  "a": 1,\n  "b" 2\n}');
    expect(broken.ok ? null : [broken.error.line, broken.error.column]).toEqual([3, 7]);
  });

  it('changes one value and nothing else', () => {
    const changed = set(odd, ['compositional_deconstruction', 'elements', 0, 'desc'], 'new');
    expect(changed).toBe(odd.replace('"desc": "a"', '"desc": "new"'));
  });

  it('sets, inserts, removes, moves as the values say', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.jsonValue(),
        fc.constantFrom(0, 2),
        (list, at, value, indent) => {
          const text = JSON.stringify({ list }, null, indent);
          const i = at % list.length;
          const read = (s: string) => (JSON.parse(s) as { list: unknown[] }).list;
          const plain = JSON.parse(JSON.stringify(list)) as unknown[];
          const v = JSON.parse(JSON.stringify(value)) as Json;
          expect(read(set(text, ['list', i], v))).toEqual(plain.with(i, v));
          expect(read(insertAt(text, ['list'], i, v))).toEqual(plain.toSpliced(i, 0, v));
          expect(read(set(text, ['list', i], undefined))).toEqual(plain.toSpliced(i, 1));
          const last = list.length - 1;
          const moved = plain.toSpliced(i, 1);
          moved.splice(last, 0, plain[i]);
          expect(read(move(text, ['list'], i, last))).toEqual(moved);
        },
      ),
    );
  });
});

describe('caption', () => {
  const orderOf = (text: string, key: string) => Object.keys((JSON.parse(text) as Record<string, object>)[key]!);

  it('puts new keys where the model was trained to find them', () => {
    let text = '{"compositional_deconstruction":{"elements":[]}}';
    text = caption.put(caption.BACKGROUND, 'w')(text);
    text = caption.put([...caption.STYLE, 'medium'], 'photograph')(text);
    text = caption.put([...caption.STYLE, 'lighting'], 'l')(text);
    text = caption.putLook('photo', '85mm')(text);
    text = caption.put([...caption.STYLE, 'aesthetics'], 'a')(text);
    text = caption.put(caption.HLD, 'h')(text);
    expect(orderOf(text, 'style_description')).toEqual(['aesthetics', 'lighting', 'photo', 'medium']);
    expect(orderOf(text, 'compositional_deconstruction')).toEqual(['background', 'elements']);
    expect(Object.keys(JSON.parse(text) as object)).toEqual(caption.ORDER.root);
    text = caption.putLook('art_style', 'oil')(text);
    expect(orderOf(text, 'style_description')).toEqual(['aesthetics', 'lighting', 'medium', 'art_style']);
  });

  it('adds, boxes and removes elements', () => {
    let text = caption.addElement('text', [1, 2, 300, 400])('{}');
    text = caption.put(caption.elementPath(0, 'text'), 'HI')(text);
    text = caption.addElement('obj', null)(text);
    text = caption.putBox(1, [0, 0, 10, 10])(text);
    const read = caption.read(JSON.parse(text) as Json);
    expect(read.elements.map((e) => [e.kind, e.text, e.box])).toEqual([
      ['text', 'HI', [1, 2, 300, 400]],
      ['obj', '', [0, 0, 10, 10]],
    ]);
    expect(Object.keys((JSON.parse(text) as never as { compositional_deconstruction: { elements: object[] } }).compositional_deconstruction.elements[1]!)).toEqual(['type', 'bbox', 'desc']);
    expect(caption.read(JSON.parse(caption.removeElement(0)(text)) as Json).elements).toHaveLength(1);
  });

  it('sends no empty element and no broken box, and all else to the byte', () => {
    expect(caption.sendable(odd)).toBe(odd);
    const text = caption.addElement('obj', null)(odd);
    expect(JSON.parse(caption.sendable(text))).toEqual(JSON.parse(odd));
    const broken = set(odd, caption.elementPath(1, 'bbox'), [5, 5, 1, 1]);
    expect(JSON.parse(caption.sendable(broken)).compositional_deconstruction.elements[1].bbox).toBeUndefined();
  });
});

describe('form', () => {
  it('opens what the original stored', () => {
    const stored = JSON.stringify({
      hld: 'h',
      aes: 'a',
      light: '',
      med: 'photograph',
      cam: '85mm',
      bg: 'b',
      cp: '#AABBCC, #1A1A1A',
      els: [
        { id: '1', type: 'obj', text: 'x', bbox: '1,2,3,4', desc: 'd' },
        { id: '2', type: 'text', text: 'T', bbox: '', desc: 'e' },
        { id: '3', type: 'obj', text: '', bbox: '', desc: '' },
      ],
      w: 512,
      rawJson: '',
    });
    const form = readForm(stored)!;
    expect(JSON.stringify(captionOfForm(form))).toBe(
      '{"high_level_description":"h","style_description":{"aesthetics":"a","photo":"85mm","medium":"photograph","color_palette":["#AABBCC","#1A1A1A"]},"compositional_deconstruction":{"background":"b","elements":[{"type":"obj","bbox":[1,2,3,4],"desc":"d"},{"type":"text","text":"T","desc":"e"}]}}',
    );
    expect(textOfForm(form).parses).toBe(true);
    expect(readForm('[]')).toBeUndefined();
    expect(readForm('{')).toBeUndefined();
    expect(readForm('{"els":5,"hld":null}')?.els).toEqual([]);
  });

  it('keeps the exact text', () => {
    const form = readForm(formOf(odd, DEFAULT_SETTINGS))!;
    expect(textOfForm(form).text).toBe(odd);
  });
});

describe('store', () => {
  it('undoes to the first byte and redoes to the last', () => {
    const s = useDocument.getState;
    s().open('new', EMPTY_DOC);
    s().edit('background', caption.put(caption.BACKGROUND, 'w'));
    s().setSettings('size', { width: 512 });
    s().setText('{ "broken');
    expect(s().error).not.toBeNull();
    expect(s().good.caption.background).toBe('w');
    s().edit('ignored while broken', caption.put(caption.HLD, 'x'));
    expect(s().doc.text).toBe('{ "broken');
    const end = s().doc;
    while (s().past.length > 0) s().undo();
    expect(s().doc).toEqual(EMPTY_DOC);
    expect(s().error).toBeNull();
    while (s().future.length > 0) s().redo();
    expect(s().doc).toEqual(end);
    s().revert();
    expect(s().error).toBeNull();
  });

  it('groups typing, never more than 40 characters', () => {
    const s = useDocument.getState;
    s().open('new', EMPTY_DOC);
    for (let i = 1; i <= 100; i++) s().edit('background', caption.put(caption.BACKGROUND, 'a'.repeat(i)), 'background');
    expect(s().past.length).toBeGreaterThanOrEqual(3);
    expect(s().past.length).toBeLessThan(10);
  });

  it('ends a step of typing with a word', () => {
    const s = useDocument.getState;
    s().open('new', EMPTY_DOC);
    const words = 'a long wooden table with peaches, honey and bread under a striped awning in the sun';
    for (let i = 1; i <= words.length; i++) s().edit('background', caption.put(caption.BACKGROUND, words.slice(0, i)), 'background');
    const steps: string[] = [];
    while (s().past.length > 0) {
      s().undo();
      steps.push(s().good.caption.background);
    }
    expect(steps.length).toBeGreaterThan(3);
    for (const text of steps) expect(text === '' || text.endsWith(' ')).toBe(true);
    while (s().future.length > 0) s().redo();
    expect(s().good.caption.background).toBe(words);
  });
});
