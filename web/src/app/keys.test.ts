import { describe, expect, it } from 'vitest';
import { changeEnd } from './caret';
import { GROUPS, holder, isKept } from './key-groups';
import { chordOf, nameOf } from './key-map';
import { meant } from './key-places';
import { matches } from './match';
import { usePrefs } from './prefs';


describe('keys', () => {
  const press = (key: string, more: Partial<KeyboardEvent> = {}) =>
    chordOf({ key, code: '', shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });

  it('writes down what was pressed', () => {
    expect(press('Enter', { ctrlKey: true })).toBe('mod+enter');
    expect(press('Z', { metaKey: true, shiftKey: true })).toBe('mod+shift+z');
    expect(press('?', { shiftKey: true })).toBe('?');
    expect(press('R', { shiftKey: true })).toBe('shift+r');
    expect(press('¡', { altKey: true, code: 'Digit1' })).toBe('alt+1');
    expect(press('Shift', { shiftKey: true })).toBe(null);
    expect(press(' ')).toBe('space');
  });

  it('knows what keys mean, also after changes', () => {
    expect(nameOf('mod+enter')).toBe('generate');
    expect(nameOf('g')).toBe('more');
    expect(nameOf('g l')).toBe('library');
    expect(nameOf('mod+y')).toBe('redo');
    expect(nameOf('x')).toBe(null);
    usePrefs.setState({ keys: { regenerate: 'x', search: '' } });
    expect(nameOf('x')).toBe('regenerate');
    expect(nameOf('r')).toBe(null);
    expect(nameOf('/')).toBe(null);
    usePrefs.setState({ keys: {} });
  });

  it('gives pictures and the canvas the keys that they know', () => {
    const changes = { 'picture.favorite': 'x', 'canvas.grid': '', 'picture.info': 'z', 'picture.zoom': 'mod+i' };
    expect(meant('x', 'picture', changes)).toBe('f');
    expect(meant('f', 'picture', changes)).toBe(null);
    expect(meant('z', 'picture', changes)).toBe('i');
    expect(meant('mod+i', 'picture', changes)).toBe('z');
    expect(meant('g', 'canvas', changes)).toBe(null);
    expect(meant('x', 'canvas', changes)).toBe(undefined);
  });

  it('knows who has keys already', () => {
    const row = (id: string) => Object.values(GROUPS).flat().find((r) => r.id === id)!;
    expect(holder('r', row('search'), {})?.id).toBe('regenerate');
    expect(holder('g', row('search'), {})?.id).toBe('create');
    expect(holder('f', row('search'), {})).toBe(null);
    expect(holder('f', row('picture.zoom'), {})?.id).toBe('picture.favorite');
    expect(holder('f', row('picture.zoom'), { 'picture.favorite': '' })).toBe(null);
    expect(isKept('arrowleft')).toBe(true);
    expect(isKept('mod+c')).toBe(true);
    expect(isKept('mod+b')).toBe(false);
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
