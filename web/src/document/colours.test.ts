import { describe, expect, it } from 'vitest';
import { mainColours } from '@/editor/palette/extract';
import { readColours, toColour } from './colours';

describe('colours', () => {
  it('takes what people type', () => {
    expect(['#abc', '1a1a1a', 'red', 'rgb(255, 128 0)', 'hsl(120 100% 50%)', '#11223344', 'Teal'].map(toColour)).toEqual([
      '#AABBCC',
      '#1A1A1A',
      '#FF0000',
      '#FF8000',
      '#00FF00',
      '#112233',
      '#008080',
    ]);
    expect(['nonsense', '#ab', '12345', '', 'url(x)'].map(toColour)).toEqual([null, null, null, null, null]);
  });

  it('reads lists, each colour once, and names what it refuses', () => {
    expect(readColours('#abc, red, 1A1A1A, #ABC, nonsense')).toEqual({
      colours: ['#AABBCC', '#FF0000', '#1A1A1A'],
      refused: ['nonsense'],
    });
    expect(readColours('["#010203",\n"#040506"]').colours).toEqual(['#010203', '#040506']);
    expect(readColours('linear-gradient(to right, #f00 0%, rgba(0,0,255,.5) 80%, gold)')).toEqual({
      colours: ['#FF0000', '#0000FF', '#FFD700'],
      refused: [],
    });
  });

  it('finds the colours of a picture', () => {
    const pixels = new Uint8ClampedArray(400);
    for (let i = 0; i < 100; i++) pixels.set(i < 60 ? [255, 0, 0, 255] : i < 90 ? [0, 0, 255, 255] : [0, 0, 0, 0], i * 4);
    expect(mainColours(pixels, 8)).toEqual(['#FF0000', '#0000FF']);
    expect(mainColours(new Uint8ClampedArray(16), 8)).toEqual([]);
  });
});
