import { describe, expect, it } from 'vitest';
import { lint, LIMITS, spanOf, type Finding, type Rule, type Size } from './lint';
import { editOf, settingsOf } from './lint-fix';
import { find, parse, type Json } from './json';

const SIZE: Size = { width: 1024, height: 1024 };
const BACKGROUND = 'a wide quiet field of soft green grass under a pale morning sky with thin clouds';

interface Parts {
  style?: Json;
  elements?: Json[];
  more?: { [key: string]: Json };
}
const caption = ({ style, elements = [], more = {} }: Parts = {}): string =>
  JSON.stringify(
    {
      high_level_description: 'a poster of a field',
      ...(style === undefined ? {} : { style_description: style }),
      compositional_deconstruction: { background: BACKGROUND, elements },
      ...more,
    },
    null,
    2,
  );
const PHOTO = { aesthetics: 'calm', lighting: 'soft', photo: '50mm', medium: 'photograph' };
const text = (words: string, bbox: Json) => ({ type: 'text', bbox, text: words, desc: `the word "${words}" in bold` });

const rules = (source: string, size = SIZE) => lint(source, size, LIMITS).map((f) => f.rule);
const key = (f: Finding) => JSON.stringify([f.rule, f.path, f.args]);

/** Applies the remedy of the first finding of a rule: exactly that one goes. */
function mend(source: string, rule: Rule): string {
  const before = lint(source, SIZE, LIMITS);
  const finding = before.find((f) => f.rule === rule);
  expect(finding?.fix, rule).toBeTruthy();
  const after = editOf(finding!.fix!)(source);
  expect(lint(after, SIZE, LIMITS).map(key).sort()).toEqual(
    before
      .filter((f) => f !== finding)
      .map(key)
      .sort(),
  );
  return after;
}

describe('lint', () => {
  it('finds nothing in a good caption, nor in an empty one', () => {
    expect(rules(caption({ style: PHOTO, elements: [text('HI', [0, 0, 600, 900])] }))).toEqual([]);
    expect(rules('{"high_level_description":"","compositional_deconstruction":{"background":"","elements":[]}}')).toEqual([]);
    expect(rules('{"a"')).toEqual([]);
    expect(rules('[]')).toEqual(['not-object']);
  });

  // Rule, caption that breaks it and nothing else, level.
  const cases: [Rule, string, Finding['level']][] = [
    ['missing', '{"high_level_description":"one two three four five six seven eight nine ten eleven twelve"}', 'error'],
    ['wrong-type', caption({ style: { ...PHOTO, aesthetics: 5 } }), 'error'],
    ['element-type', caption({ elements: [{ type: 'shape', desc: 'a tree' }] }), 'error'],
    ['no-desc', caption({ elements: [{ type: 'text', text: 'HI', desc: '' }] }), 'error'],
    ['no-text', caption({ elements: [{ type: 'text', text: '', desc: 'a headline' }] }), 'error'],
    ['text-on-object', caption({ elements: [{ type: 'obj', desc: 'a tree', text: 'HI' }] }), 'error'],
    ['two-looks', caption({ style: { aesthetics: 'a', lighting: 'l', photo: 'p', medium: 'photograph', art_style: 's' } }), 'error'],
    ['no-look', caption({ style: { aesthetics: 'a', lighting: 'l', medium: 'painting' } }), 'error'],
    ['box', caption({ elements: [text('HI', [600, 0, 0, 1200])] }), 'error'],
    ['colour', caption({ style: { ...PHOTO, color_palette: ['#ABCDEF', '#abc'] } }), 'error'],
    ['colours-max', caption({ elements: [{ type: 'obj', desc: 'a tree', color_palette: ['#000000', '#000001', '#000002', '#000003', '#000004', '#000005'] }] }), 'error'],
    ['order', caption({ style: { medium: 'photograph', aesthetics: 'a', lighting: 'l', photo: 'p' } }), 'warning'],
    ['unknown-key', caption({ more: { aspect_ratio: '1:1' } }), 'warning'],
    ['style-part', caption({ style: { aesthetics: 'a', photo: 'p', medium: 'photograph' } }), 'warning'],
    ['escapes', caption({ elements: [{ type: 'obj', desc: 'a @ here' }] }).replace('@', '\\u00e9'), 'warning'],
    ['medium-kind', caption({ style: { ...PHOTO, medium: 'painting' } }), 'hint'],
    ['empty-element', caption({ elements: [{ type: 'obj', desc: ' ' }] }), 'hint'],
  ];
  it.each(cases)('%s: found alone, and its remedy removes it alone', (rule, source, level) => {
    expect(lint(source, SIZE, LIMITS).map((f) => [f.rule, f.level])).toEqual([[rule, level]]);
    mend(source, rule);
  });

  const doubtful: [Rule, string][] = [
    ['few-words', '{"high_level_description":"a cat","compositional_deconstruction":{"background":"","elements":[]}}'],
    ['long-description', caption({ more: { high_level_description: 'word '.repeat(51) } })],
    ['long-element', caption({ elements: [{ type: 'obj', desc: 'leaf '.repeat(61) }] })],
    ['overlap', caption({ elements: [text('ONE', [0, 0, 600, 900]), text('TWO', [500, 0, 1000, 900])] })],
    ['tight-text', caption({ elements: [text('A LONG LINE OF WORDS', [0, 0, 600, 60])] })],
    ['many-texts', caption({ elements: Array.from({ length: 7 }, (_, i) => text(`N${i}`, [i * 100, 0, i * 100 + 100, 900])) })],
    ['long-text', caption({ elements: [text('abcdefgh '.repeat(10).trim(), [0, 0, 1000, 1000])] })],
    ['camera-words', caption({ elements: [{ type: 'obj', desc: 'a tree with strong bokeh' }] })],
    ['text-not-described', caption({ elements: [{ type: 'text', text: 'HI', desc: 'a big word' }] })],
  ];
  it.each(doubtful)('%s: found alone', (rule, source) => {
    expect(rules(source)).toEqual([rule]);
  });

  it('measures boxes, colours, tokens, sizes and bytes', () => {
    const thin = caption({ elements: [{ type: 'obj', bbox: [0, 0, 100, 100], desc: 'a tree in the corner of it' }] }).replace(BACKGROUND, 'a field');
    expect(rules(thin)).toContain('coverage');
    const colours = (from: number) => Array.from({ length: 5 }, (_, i) => `#0000${(from + i).toString(16).padStart(2, '0').toUpperCase()}`);
    expect(
      rules(caption({ elements: [0, 5, 10, 15].map((n) => ({ type: 'obj', desc: 'a tree', color_palette: colours(n) })) })),
    ).toEqual(['colours-total']);
    expect(rules(caption({ more: { high_level_description: '字'.repeat(2500) } }))).toContain('tokens');
    expect(lint(caption(), SIZE, { ...LIMITS, captionBytes: 10 }).map((f) => f.rule)).toEqual(['bytes']);
    expect(rules(caption(), { width: 2048, height: 256 })).toEqual(['ratio']);
    const [size] = lint(caption(), { width: 1000, height: 3000 }, LIMITS);
    expect(size?.rule).toBe('size');
    expect(settingsOf(size!.fix!)).toEqual({ width: 1008, height: 2048 });
  });

  it('lists several at their levels, and all remedies together leave none', () => {
    let source = caption({
      style: { ...PHOTO, art_style: 'oil', color_palette: Array.from({ length: 17 }, (_, i) => `#0000${(16 + i).toString(16).toUpperCase()}`) },
      elements: [
        { type: 'obj', bbox: [900, 0, 100, 900], desc: 'a tree' },
        { type: 'obj', text: 'x', desc: 'a cow' },
        text('ONE', [0, 0, 600, 900]),
        text('TWO', [500, 0, 1000, 900]),
      ],
    });
    const before = lint(source, SIZE, LIMITS);
    expect(before.map((f) => f.level)).toEqual(['error', 'error', 'error', 'error', 'warning']);
    expect(new Set(before.map((f) => f.rule))).toEqual(new Set(['two-looks', 'colours-max', 'box', 'text-on-object', 'overlap']));
    for (const rule of ['two-looks', 'colours-max', 'box', 'text-on-object'] as Rule[]) source = mend(source, rule);
    expect(rules(source)).toEqual(['overlap']);
  });

  it('a remedy leaves the rest to the byte', () => {
    const source = '{ "x":1.50, "compositional_deconstruction": {"elements":[ {"desc":"a","type":"obj"} ],"background" :"b"}}';
    expect(editOf({ do: 'order', label: 'order', path: ['compositional_deconstruction', 'elements', 0], order: ['type', 'bbox', 'desc'] })(source)).toBe(
      source.replace('"desc":"a","type":"obj"', '"type":"obj","desc":"a"'),
    );
    expect(editOf({ do: 'literal', label: 'literal' })('"\\u00e9 \\\\u00e9 \\ud83d\\ude00 \\ud83d \\u0041"')).toBe('"é \\\\u00e9 😀 \\ud83d \\u0041"');
  });

  it('says where a finding stands', () => {
    const source = caption({ style: { photo: 'p' } });
    const parsed = parse(source);
    if (!parsed.ok) throw new Error('no JSON');
    const span = spanOf(parsed.root, ['style_description', 'photo']);
    expect(source.slice(span.start, span.end)).toBe('"photo": "p"');
    const absent = spanOf(parsed.root, ['style_description', 'lighting']);
    expect(source.slice(absent.start, absent.end)).toBe('"style_description": {');
    expect(find(parsed.root, ['style_description'])?.kind).toBe('object');
  });
});
