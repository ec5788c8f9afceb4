import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_DOC, type Doc } from '@/document/store';
import { FALLBACK_LIMITS } from '@/editor/settings/size';
import { docWith } from './apply';
import { putLayout } from './put-layout';
import { findCaption, isTooDeep, withoutCommas } from './forgiving';
import { ImportError, importBytes, importText } from './recipe';

const caption = `{
  "high_level_description": "a, } poster",
  "compositional_deconstruction": { "background": "b", "elements": [
    {"type": "text", "bbox": [1,2,3,4], "text": "HI", "desc": "t"}, {"type": "obj", "desc": "o", "bbox": [10,20,300,400]}
  ] }
}`;

const found = (text: string) => {
  const result = findCaption(text);
  return 'found' in result ? { text: result.found.text, repairs: result.found.repairs } : result.trouble;
};

describe('forgiving reading', () => {
  it('keeps a caption to the byte', () => {
    expect(found(caption)).toEqual({ text: caption, repairs: [] });
  });

  it('takes off fences, envelopes, encodings and commas, and says so', () => {
    expect(found('Here it is:\n```json\n' + caption + '\n```\nEnjoy!')).toEqual({ text: caption, repairs: ['fence'] });
    expect(found(`{"seed": 3, "result": {"caption": ${caption}}}`)).toEqual({ text: caption, repairs: ['envelope'] });
    expect(found(JSON.stringify(caption))).toEqual({ text: caption, repairs: ['encoded'] });
    expect(found(JSON.stringify({ prompt: caption }))).toEqual({ text: caption, repairs: ['envelope', 'encoded'] });
    expect(found(JSON.stringify(caption).slice(1, -1))).toEqual({ text: caption, repairs: ['encoded'] });
    const commas = caption.replace('400]}', '400],},').replace('"HI"', '"H,]I"');
    expect(found(commas)).toMatchObject({ repairs: ['commas'] });
    expect((found(commas) as { text: string }).text).toContain('"H,]I"');
    expect(found(`${caption}\nSteps: 20, Sampler: Euler`)).toEqual({ text: caption, repairs: ['around'] });
    expect(found(`\uFEFF${caption}`)).toEqual({ text: caption, repairs: ['bom'] });
  });

  it('finds captions in node graphs', () => {
    const graph = { nodes: [{ id: 1, inputs: { text: 'plain' } }, { id: 2, widgets_values: [7, caption] }] };
    expect(found(JSON.stringify(graph))).toEqual({ text: caption, repairs: ['envelope', 'encoded'] });
  });

  it('says what it is not', () => {
    expect(found('hello')).toBe('notJson');
    expect(found('{"a": 1}')).toBe('noCaption');
    expect(found('['.repeat(10_000))).toBe('tooDeep');
    expect(isTooDeep('"[[[["'.repeat(99))).toBe(false);
  });

  it('survives any text', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '```\n', 'compositional_deconstruction', ' ', '1');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        findCaption(parts.join(''));
        withoutCommas(parts.join(''));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what a text holds', () => {
  it('reads settings around the caption, and a ratio inside of it', () => {
    const wrapped = importText(`{"width": 512, "height": 768, "seed": "42", "preset": "V4_TURBO_12", "prompt": ${caption}}`);
    expect(wrapped.settings).toEqual({ width: 512, height: 768, seed: '42', preset: 'V4_TURBO_12' });
    expect(importText(caption.replace('{', '{"aspect_ratio": "16:9",')).ratio).toBeCloseTo(16 / 9);
    expect(importText(`{"size": "640x480", "seed": -4, "c": ${caption}}`).settings).toEqual({ width: 640, height: 480 });
  });

  it('takes our recipe as a file of its own', async () => {
    const recipe = { version: 1, caption, width: 512, height: 512, preset: 'V4_TURBO_12', seed: 7, loras: [] };
    const read = await importBytes(new TextEncoder().encode(JSON.stringify(recipe)));
    expect(read).toMatchObject({ kind: 'ideogram4', caption, settings: { width: 512, seed: '7', loras: [] } });
  });

  it('refuses with a reason', async () => {
    const reason = (bytes: Uint8Array) => importBytes(bytes).then(() => null, (e: unknown) => (e as ImportError).trouble);
    expect(await reason(new Uint8Array([0xff, 0xfe, 0, 1]))).toBe('kind');
    expect(await reason(new TextEncoder().encode('{"a":'.repeat(10_000)))).toBe('tooDeep');
    expect(await reason(new TextEncoder().encode('<script>'))).toBe('notJson');
    expect(await reason(new Uint8Array(5_000_000))).toBe('tooLarge');
  });
});

describe('into the document', () => {
  const mine: Doc = {
    ...EMPTY_DOC,
    text: '{"compositional_deconstruction":{"elements":[{"type":"obj","desc":"mine"}],"background":""},"zz":1.0}',
  };
  const imported = { ...importText(caption), settings: { width: 500, height: 300, seed: '5' } };

  it('gives boxes to my elements and brings those that are left over', () => {
    const text = putLayout(caption)(mine.text);
    expect(JSON.parse(text)).toEqual({
      compositional_deconstruction: {
        elements: [
          { type: 'obj', bbox: [10, 20, 300, 400], desc: 'mine' },
          { type: 'text', bbox: [1, 2, 3, 4], text: 'HI', desc: 't' },
        ],
        background: '',
      },
      zz: 1,
    });
    expect(text).toContain('"zz":1.0');
  });

  it('takes only the part that was asked for, in sizes that are possible', () => {
    const all = docWith(mine, imported, 'everything', FALLBACK_LIMITS);
    expect(all.text).toBe(caption);
    expect(all.settings).toMatchObject({ width: 496, height: 304, seed: '5' });
    expect(docWith(mine, imported, 'caption', FALLBACK_LIMITS)).toEqual({ ...mine, text: caption });
    expect(docWith(mine, imported, 'settings', FALLBACK_LIMITS).text).toBe(mine.text);
    expect(docWith(mine, { ...imported, caption: 'a plain prompt' }, 'caption', FALLBACK_LIMITS).text).toContain('a plain prompt');
  });
});
