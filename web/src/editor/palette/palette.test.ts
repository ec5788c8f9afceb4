import { describe, expect, it } from 'vitest';
import { read } from '@/document/caption';
import { contrast, legibility, namedIn, readable } from './contrast';
import { HARMONIES, harmony } from './harmony';
import { typedColours } from './list';

describe('harmonies', () => {
  it('are colours that a screen can show, each once', () => {
    for (const colour of ['#E4572E', '#000000', '#FFFFFF', '#00FF00', '#0000FF', '#808080']) {
      for (const kind of HARMONIES) {
        const list = harmony(kind, colour);
        expect(new Set(list).size).toBe(list.length);
        for (const one of list) expect(one).toMatch(/^#[0-9A-F]{6}$/);
      }
    }
    expect(harmony('triad', '#808080')).toEqual(['#808080']);
    expect(harmony('complement', '#E4572E')[0]).toBe('#E4572E');
    expect(harmony('square', '#E4572E')).toHaveLength(4);
  });
});

describe('contrast', () => {
  const caption = (elements: object[], background = 'plain cream') =>
    read({ compositional_deconstruction: { background, elements } } as never);
  const of = (elements: object[], background?: string) => {
    const c = caption(elements, background);
    return legibility(c.elements.at(-1)!, c);
  };

  it('is that of the guidelines for the web', () => {
    expect(contrast('#000000', '#FFFFFF')).toBeCloseTo(21);
    expect(contrast('#777777', '#FFFFFF')).toBeCloseTo(4.48, 1);
  });

  it('reads colours from words', () => {
    expect(namedIn('plain light grey')).toBe('#D3D3D3');
    expect(namedIn('bold Navy letters')).toBe('#000080');
    expect(namedIn('a wall in #abc')).toBe('#AABBCC');
    expect(namedIn('a wall')).toBeNull();
  });

  it('compares letters with what lies under them', () => {
    const text = { type: 'text', bbox: [400, 400, 600, 600], text: 'RED', desc: 'the word RED in white letters' };
    expect(of([text])).toMatchObject({ letters: '#FFFFFF', ground: '#FFFDD0', level: 'weak' });
    const plate = { type: 'obj', bbox: [300, 300, 700, 700], desc: 'a navy plate' };
    expect(of([plate, text])).toMatchObject({ ground: '#000080', level: 'good' });
    expect(of([{ ...plate, color_palette: ['#FFFF00'] }, text])).toMatchObject({ ground: '#FFFF00', level: 'weak' });
    expect(of([{ ...plate, bbox: [0, 0, 100, 100] }, text])?.ground).toBe('#FFFDD0');
    expect(of([{ ...text, color_palette: ['#000000'] }])?.letters).toBe('#000000');
    expect(of([{ ...text, desc: 'white letters on a black band' }])).toMatchObject({ letters: '#FFFFFF', ground: '#000000' });
    expect(of([{ ...text, text: 'HI', desc: 'the word HI in white letters' }])?.letters).toBe('#FFFFFF');
    expect(of([{ ...text, text: 'a+(b', desc: 'a+(b in white letters' }])?.letters).toBe('#FFFFFF');
    expect(of([text], 'a street')).toBeNull();
    expect(of([plate])).toBeNull();
  });

  it('proposes a colour that can be read', () => {
    expect(readable('#FFFFFF', ['#FFFF00', '#102048'])).toBe('#102048');
    expect(readable('#000080', ['#102048'])).toBe('#FFFFFF');
  });
});

describe('pasted lists', () => {
  it('are taken in every usual form', () => {
    const colours = (text: string) => typedColours(text, 16);
    expect(colours('https://coolors.co/264653-2a9d8f-e9c46a').colours).toEqual(['#264653', '#2A9D8F', '#E9C46A']);
    expect(colours('--brand: #123456;\n--paper: ivory;')).toMatchObject({ colours: ['#123456', '#FFFFF0'], refused: [] });
    expect(colours('conic-gradient(from 45deg at center, #f00, tan 20%)').colours).toEqual(['#FF0000', '#D2B48C']);
    expect(colours('navy; #abc | nonsense')).toMatchObject({ colours: ['#000080', '#AABBCC'], refused: ['nonsense'] });
  });
});
