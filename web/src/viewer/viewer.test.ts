import { describe, expect, it } from 'vitest';
import type { Recipe } from '@/api/types';
import { docWith, textOf } from './into-editor';
import { command, differences, fileName, quote } from './recipe-text';
import { fit, within, zoomAt } from './zoom';
import { EMPTY_DOC } from '@/document/store';

const recipe: Recipe = {
  caption: { high_level_description: "it's" },
  caption_text: '{"high_level_description":"it\'s"}',
  width: 1024,
  height: 768,
  preset: 'V4_TURBO_12',
  steps: 12,
  seed: 42,
  loras: [{ name: 'night.safetensors', strength: 0.6 }],
  model: 'demo',
  program: 'x',
  seconds: 1,
};

describe('recipe', () => {
  it('is a command that a shell reads back', () => {
    expect(quote("it's")).toBe(`'it'\\''s'`);
    expect(command(recipe, 'png', 'a b.png')).toBe(
      `./run.sh generate --prompt '{"high_level_description":"it'\\''s"}' --width 1024 --height 768 --preset V4_TURBO_12 ` +
        `--seed 42 --lora night.safetensors --lora-strength 0.6 --format png --out 'a b.png'`,
    );
    expect(command({ ...recipe, caption: null, caption_text: null }, 'png', 'x')).toBeNull();
  });

  it('names the file by description, seed and id', () => {
    const item = { hld: 'A poster: “HELLO” / ../x', title: null, seed: 42, id: 7, format: 'jpeg' };
    expect(fileName(item)).toBe('a-poster-hello-x-42-7.jpg');
    expect(fileName({ ...item, hld: '???', format: 'webp' })).toBe('picture-42-7.webp');
  });

  it('lists exactly what differs', () => {
    const other = { ...recipe, seed: 43, preset: 'V4_DEFAULT_20', steps: 20 };
    expect(differences([recipe, other], 'none').map((r) => r.key)).toEqual(['preset', 'seed']);
    expect(differences([recipe, recipe], 'none')).toEqual([]);
    const said = { ...recipe, caption_text: '{"high_level_description":"else"}' };
    expect(differences([recipe, said], 'none').map((r) => r.key)).toEqual(['description']);
  });

  it('comes into the editor without loss', () => {
    const odd = '{ "x": 1.50 }';
    expect(textOf(odd)).toBe(odd);
    expect(JSON.parse(textOf('a plain prompt'))).toMatchObject({ high_level_description: 'a plain prompt' });
    const none = { caption: null, width: null, height: null, preset: null, seed: null, format: null, loras: null };
    expect(docWith(EMPTY_DOC, none)).toEqual(EMPTY_DOC);
    expect(docWith(EMPTY_DOC, { ...none, seed: 0 }).settings.seed).toBe('0');
  });
});

describe('zoom', () => {
  const room = { w: 800, h: 600 };
  const picture = { w: 1600, h: 1600 };

  it('fits', () => {
    expect(fit(picture, room)).toEqual({ scale: 0.375, x: 100, y: 0 });
    expect(fit({ w: 100, h: 100 }, room).scale).toBe(2);
  });

  it('keeps the point under the pointer', () => {
    const view = zoomAt(fit(picture, room), 4, { x: 400, y: 300 }, picture, room);
    const under = (v: typeof view) => ({ x: (420 - v.x) / v.scale, y: (310 - v.y) / v.scale });
    const before = under(view);
    const after = under(zoomAt(view, 1.7, { x: 420, y: 310 }, picture, room));
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
  });

  it('never loses the picture', () => {
    expect(within({ scale: 1, x: 50, y: -5000 }, picture, room)).toEqual({ scale: 1, x: 50, y: -1300 });
    expect(within({ scale: 0.1, x: 5000, y: -5000 }, picture, room)).toEqual({ scale: 0.1, x: 720, y: -80 });
  });
});
