import { describe, expect, it } from 'vitest';
import { captionText } from './merge';
import { shrunk } from './pictures';
import { readMagic } from './status';

const written = {
  high_level_description: 'a cat',
  compositional_deconstruction: { background: 'a room', elements: [{ type: 'obj', desc: 'a cat' }] },
};
const elements = (text: string) =>
  (JSON.parse(text) as typeof written).compositional_deconstruction.elements.map((e) => e.desc);

describe('Magic Prompt', () => {
  it('replaces the caption, or all but the elements', () => {
    const mine = JSON.stringify({ compositional_deconstruction: { background: 'x', elements: [{ type: 'obj', desc: 'mine', bbox: [1, 2, 3, 4] }] } });
    expect(JSON.parse(captionText(written, mine, false))).toEqual(written);
    const kept = captionText(written, mine, true);
    expect(elements(kept)).toEqual(['mine']);
    expect(kept).toContain('"a room"');
    expect(elements(captionText(written, '{"compositional_deconstruction":{"elements":[]}}', true))).toEqual(['a cat']);
    expect(elements(captionText(written, 'no JSON', true))).toEqual(['a cat']);
  });

  it('says what state it is in', () => {
    expect(readMagic(undefined, false).state).toBe('asking');
    expect(readMagic(undefined, true).state).toBe('unknown');
    expect(readMagic({}, false).state).toBe('off');
    expect(readMagic({ enabled: true, configured: false, missing_env: ['A'] }, false)).toEqual({ state: 'incomplete', missing: ['A'] });
    expect(readMagic({ enabled: true, configured: true, llm_reachable: false, llm_error: 'refused' }, false)).toEqual({ state: 'unreachable', why: 'refused' });
    expect(readMagic({ enabled: true, configured: true, llm_reachable: true, model: 'm' }, false)).toEqual({ state: 'ready', model: 'm' });
  });

  it('makes large pictures smaller', () => {
    expect(shrunk(2048, 100)).toBeNull();
    expect(shrunk(4096, 1000)).toEqual({ width: 2048, height: 500 });
    expect(shrunk(1, 100_000)).toEqual({ width: 1, height: 2048 });
  });
});
