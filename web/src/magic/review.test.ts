import { describe, expect, it } from 'vitest';
import { write, type Json } from '@/document/json';
import { captionText, promptFor } from './merge';
import { hasContent } from './review-state';
import { changed, difference, putSection, sectionOf, sideOf, wordDifference, SECTIONS } from './review';

const before = write({
  high_level_description: 'a cat on a mat',
  style_description: { aesthetics: 'quiet', photo: '50mm', medium: 'photograph', color_palette: ['#112233'] },
  compositional_deconstruction: { background: 'a room', elements: [{ type: 'obj', bbox: [1, 2, 300, 400], desc: 'a cat' }] },
});
const after = write({
  high_level_description: 'a dog on a mat',
  style_description: { aesthetics: 'loud', medium: 'painting', art_style: 'oil', color_palette: ['#FF0000'] },
  compositional_deconstruction: { background: 'a room', elements: [{ type: 'obj', desc: 'a dog' }] },
});
const review = { key: 'new', before, after };

describe('before and after', () => {
  it('names what changed, and on which side each section is', () => {
    expect(changed(review)).toEqual(['description', 'style', 'colours', 'elements']);
    expect(sideOf(after, 'style', review)).toBe('after');
    expect(sideOf(before, 'style', review)).toBe('before');
    expect(sideOf(putSection('description', 'mine')(after), 'description', review)).toBeNull();
  });

  it('takes back section by section, to what was', () => {
    const style = putSection('style', sectionOf(before, 'style'))(after);
    expect(JSON.parse(style).style_description).toEqual({ aesthetics: 'quiet', photo: '50mm', medium: 'photograph', color_palette: ['#FF0000'] });
    const all = SECTIONS.reduce((text, s) => putSection(s, sectionOf(before, s))(text), after);
    expect(JSON.stringify(JSON.parse(all))).toBe(JSON.stringify(JSON.parse(before)));
    const bare = write({ compositional_deconstruction: { background: '', elements: [] } });
    const none = SECTIONS.reduce((text, s) => putSection(s, sectionOf(bare, s))(text), after);
    expect(SECTIONS.every((s) => sideOf(none, s, { key: '', before: bare, after }) === 'before')).toBe(true);
    expect([hasContent(bare), hasContent(before), hasContent('{')]).toEqual([false, true, false]);
  });

  it('compares word by word', () => {
    expect(wordDifference('a cat on a mat', 'a dog on the mat')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'gone', text: 'cat' },
      { kind: 'new', text: 'dog' },
      { kind: 'same', text: 'on' },
      { kind: 'gone', text: 'a' },
      { kind: 'new', text: 'the' },
      { kind: 'same', text: 'mat' },
    ]);
    expect(difference([], [])).toEqual([]);
  });
});

describe('what is asked and kept', () => {
  const list = (text: string) => JSON.parse(text).compositional_deconstruction.elements;
  const mine = (...elements: object[]) => JSON.stringify({ compositional_deconstruction: { background: '', elements } });

  it('a change keeps boxes and colours of the same elements', () => {
    const old = mine({ type: 'text', bbox: [1, 2, 30, 40], text: 'HELLO', desc: 'red', color_palette: ['#FF0000'] }, { type: 'obj', bbox: [5, 6, 70, 80], desc: 'a cat' });
    const written: Json = { compositional_deconstruction: { background: 'x', elements: [{ type: 'obj', desc: 'a cat' }, { type: 'text', text: 'Hello', desc: 'blue' }, { type: 'obj', desc: 'new' }] } };
    expect(list(captionText(written, old, false, 'change'))).toEqual([
      { type: 'obj', bbox: [5, 6, 70, 80], desc: 'a cat' },
      { type: 'text', bbox: [1, 2, 30, 40], text: 'Hello', desc: 'blue', color_palette: ['#FF0000'] },
      { type: 'obj', desc: 'new' },
    ]);
    const asked = promptFor('at night', old, false, 'change');
    expect(asked).toContain('Asked: at night');
    expect(asked).toContain('HELLO');
    expect(asked).not.toContain('bbox');
  });

  it('own elements without words get those of their like', () => {
    const old = mine({ type: 'obj', bbox: [1, 2, 30, 40], desc: '' }, { type: 'text', text: 'HI', desc: '' }, { type: 'obj', desc: 'mine' });
    const written: Json = { compositional_deconstruction: { background: 'x', elements: [{ type: 'text', text: 'Hi', desc: 'bold' }, { type: 'obj', desc: 'a cat' }] } };
    expect(list(captionText(written, old, true))).toEqual([
      { type: 'obj', bbox: [1, 2, 30, 40], desc: 'a cat' },
      { type: 'text', text: 'HI', desc: 'bold' },
      { type: 'obj', desc: 'mine' },
    ]);
    expect(promptFor('a wish', old, true, 'anew')).toContain('2. text: the words "HI"');
    expect(promptFor('a wish', old, false, 'anew')).toBe('a wish');
  });
});
