// Ideas for the small demo model, which draws flat shapes and words where boxes say so: whole
// captions instead of sentences.
import { write, type Json } from '@/document/json';

interface Part {
  bbox: [number, number, number, number];
  desc: string;
  text?: string;
}

function caption(hld: string, background: string, palette: string[], parts: Part[]): { line: string; text: string } {
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
      elements: parts.map(({ bbox, desc, text }): Json =>
        text === undefined ? { type: 'obj', bbox, desc } : { type: 'text', bbox, text, desc },
      ),
    },
  };
  return { line: hld, text: write(value) };
}

export const DEMO_IDEAS = [
  caption('A sign with the word EXIT and an arrow pointing right.', 'plain green', ['#108040', '#FFFFFF'], [
    { bbox: [110, 120, 400, 880], text: 'EXIT', desc: 'bold white letters' },
    { bbox: [500, 180, 880, 820], desc: 'a white arrow pointing right' },
  ]),
  caption('A yellow crescent and two white stars on dark blue.', 'plain navy', ['#102048', '#F8D840', '#FFFFFF'], [
    { bbox: [140, 110, 700, 580], desc: 'a yellow crescent' },
    { bbox: [120, 640, 370, 890], desc: 'a white star' },
    { bbox: [600, 600, 880, 880], desc: 'a white star' },
  ]),
  caption('A red circle with the word STOP on light grey.', 'plain light gray', ['#E0E0E0', '#D02020', '#FFFFFF'], [
    { bbox: [60, 60, 940, 940], desc: 'a red circle' },
    { bbox: [345, 140, 655, 860], text: 'STOP', desc: 'bold white letters' },
  ]),
  caption('A hot pink heart with a white outline on a blue gradient.', 'a vertical gradient from sky blue to white', ['#7EC8F0', '#FF4FA0', '#FFFFFF'], [
    { bbox: [150, 150, 850, 850], desc: 'a hot pink heart with a thick white outline' },
  ]),
];
