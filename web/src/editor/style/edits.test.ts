import { describe, expect, it } from 'vitest';
import { EMPTY_TEXT } from '@/document/caption';
import { lint, LIMITS } from '@/document/lint';
import { putKind, putMedium, putPalette, putStyle } from './edits';

const styleOf = (text: string) => JSON.stringify((JSON.parse(text) as { style_description?: unknown }).style_description);
const rules = (text: string) => lint(text, { width: 1024, height: 1024 }, LIMITS).map((f) => f.rule);

describe('style edits', () => {
  it('make the block in its trained order', () => {
    let text = putPalette(['#AABBCC'])(EMPTY_TEXT);
    expect(styleOf(text)).toBe('{"photo":"","medium":"photograph","color_palette":["#AABBCC"]}');
    text = putKind('photo', '85mm')(text);
    text = putStyle('lighting', 'soft')(text);
    text = putStyle('aesthetics', 'calm')(text);
    expect(styleOf(text)).toBe('{"aesthetics":"calm","lighting":"soft","photo":"85mm","medium":"photograph","color_palette":["#AABBCC"]}');
    expect(rules(text)).toEqual(['few-words']);
    text = putMedium('painting')(text);
    expect(styleOf(text)).toBe('{"aesthetics":"calm","lighting":"soft","medium":"painting","art_style":"85mm","color_palette":["#AABBCC"]}');
    text = putKind('photo')(text);
    expect(styleOf(text)).toBe('{"aesthetics":"calm","lighting":"soft","photo":"85mm","medium":"painting","color_palette":["#AABBCC"]}');
    expect(styleOf(putPalette([])(text))).toBe('{"aesthetics":"calm","lighting":"soft","photo":"85mm","medium":"painting"}');
  });

  it('leave an absent block absent', () => {
    expect(putStyle('lighting', '')(EMPTY_TEXT)).toBe(EMPTY_TEXT);
    expect(putPalette([])(EMPTY_TEXT)).toBe(EMPTY_TEXT);
  });
});
