// Three layouts to begin with. Their captions hold only what the small demo model can draw too.
import type { Json } from '@/document/json';
import { write } from '@/document/json';
import type { Box } from '@/document/caption';

export interface Shape {
  kind: 'circle' | 'square' | 'triangle' | 'text';
  box: Box;
  colour: string;
  text?: string;
}
export interface Example {
  name: 'poster' | 'product' | 'landscape';
  ratio: [number, number];
  ground: string;
  shapes: Shape[]; // of the miniature
  text: string; // the caption
}

type Part = { type: 'obj' | 'text'; bbox: number[]; text?: string; desc: string };

function caption(hld: string, palette: string[], background: string, elements: Part[]): string {
  const value: Json = {
    high_level_description: hld,
    style_description: {
      aesthetics: 'flat, bold',
      lighting: 'even',
      medium: 'graphic_design',
      art_style: 'vector',
      color_palette: palette,
    },
    compositional_deconstruction: {
      background,
      elements: elements.map(({ type, bbox, text, desc }): Json =>
        text === undefined ? { type, bbox, desc } : { type, bbox, text, desc },
      ),
    },
  };
  return write(value);
}

export const EXAMPLES: Example[] = [
  {
    name: 'poster',
    ratio: [2, 3],
    ground: '#FFF4DC',
    shapes: [
      { kind: 'text', box: [70, 80, 270, 920], colour: '#202840', text: 'HELLO' },
      { kind: 'circle', box: [360, 140, 840, 860], colour: '#E83030' },
    ],
    text: caption(
      'A poster with the word HELLO above a red circle.',
      ['#FFF4DC', '#202840', '#E83030'],
      'plain cream',
      [
        { type: 'text', bbox: [70, 80, 270, 920], text: 'HELLO', desc: 'bold navy letters' },
        { type: 'obj', bbox: [360, 140, 840, 860], desc: 'a red circle' },
      ],
    ),
  },
  {
    name: 'product',
    ratio: [1, 1],
    ground: '#F8C830',
    shapes: [
      { kind: 'square', box: [120, 180, 880, 820], colour: '#2050E0' },
      { kind: 'text', box: [380, 240, 640, 760], colour: '#FFFFFF', text: 'TEA' },
    ],
    text: caption(
      'A blue tin with the word TEA on a yellow background.',
      ['#F8C830', '#2050E0', '#FFFFFF'],
      'plain yellow',
      [
        { type: 'obj', bbox: [120, 180, 880, 820], desc: 'a blue square' },
        { type: 'text', bbox: [380, 240, 640, 760], text: 'TEA', desc: 'bold white letters' },
      ],
    ),
  },
  {
    name: 'landscape',
    ratio: [3, 2],
    ground: '#BFE0F8',
    shapes: [
      { kind: 'circle', box: [100, 660, 380, 850], colour: '#F8D820' },
      { kind: 'triangle', box: [300, 60, 940, 560], colour: '#20A040' },
      { kind: 'triangle', box: [460, 440, 940, 880], colour: '#108040' },
    ],
    text: caption(
      'Two green mountains under a yellow sun.',
      ['#BFE0F8', '#F8D820', '#20A040', '#108040'],
      'a vertical gradient from sky blue to white',
      [
        { type: 'obj', bbox: [100, 660, 380, 850], desc: 'a yellow circle' },
        { type: 'obj', bbox: [300, 60, 940, 560], desc: 'a green triangle' },
        { type: 'obj', bbox: [460, 440, 940, 880], desc: 'a dark green triangle' },
      ],
    ),
  },
];

interface Limits {
  min: number;
  max: number;
  multiple: number;
  pixels: number;
}

/** A size of the ratio with about as many pixels as the machine draws best. */
export function sizeOf([w, h]: readonly [number, number], limits: Limits): { width: number; height: number } {
  const by = Math.max(Math.sqrt(limits.pixels / (w * h)), limits.min / Math.min(w, h));
  const ok = (n: number) =>
    Math.min(limits.max, Math.max(limits.min, Math.round(n / limits.multiple) * limits.multiple));
  return { width: ok(w * by), height: ok(h * by) };
}
