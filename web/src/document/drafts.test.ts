import { describe, expect, it } from 'vitest';
import { newest } from './drafts';
import { EMPTY_DOC, type Doc } from './store';

const doc = (text: string): Doc => ({ ...EMPTY_DOC, text });

describe('drafts', () => {
  it('takes whichever was written last, with the history of the database', () => {
    const whole = { doc: doc('a'), past: [{ doc: doc(''), label: 'x' }], at: 5 };
    expect(newest(undefined, whole)).toBe(whole);
    expect(newest({ doc: doc('b'), past: [], at: 4 }, whole)).toBe(whole);
    expect(newest({ doc: doc('a'), past: [], at: 6 }, whole)).toBe(whole);
    expect(newest({ doc: doc('b'), past: [], at: 6 }, whole)).toEqual({
      doc: doc('b'),
      past: [...whole.past, { doc: doc('a'), label: 'edit' }],
      at: 6,
    });
  });

  it('sees a change of settings alone', () => {
    const settings = { ...EMPTY_DOC.settings, seed: '7' };
    const whole = { doc: doc('a'), past: [], at: 1 };
    expect(newest({ doc: { text: 'a', settings }, past: [], at: 2 }, whole)?.doc.settings.seed).toBe('7');
  });
});
