import { describe, expect, it } from 'vitest';
import { changeEnd } from './caret';
import { matches } from './match';
import { chord } from './use-keys';

describe('keys', () => {
  it('knows the chords', () => {
    expect(chord({ key: 'Enter', shiftKey: false })).toBe('generate');
    expect(chord({ key: 'Enter', shiftKey: true })).toBe('generateNext');
    expect(chord({ key: 'Z', shiftKey: true })).toBe('redo');
    expect(chord({ key: 'k', shiftKey: false })).toBe('palette');
    expect(chord({ key: 'x', shiftKey: false })).toBe(null);
  });

  it('finds commands by beginnings of words, without accents and case', () => {
    expect(matches('Go to the library', 'lib')).toBe(true);
    expect(matches('Größe tauschen', 'grosse')).toBe(false);
    expect(matches('Zurück zum Anfang', 'zuruck an')).toBe(true);
    expect(matches('Generate', 'erat')).toBe(true);
    expect(matches('Generate', 'x')).toBe(false);
    expect(matches('Anything', '')).toBe(true);
  });

  it('puts the caret where the text changed', () => {
    expect(changeEnd('a red fox', 'a fox')).toBe(2);
    expect(changeEnd('a fox', 'a red fox')).toBe(6);
    expect(changeEnd('', 'abc')).toBe(3);
  });
});
