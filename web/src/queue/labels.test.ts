import { describe, expect, it } from 'vitest';
import type { Job } from '@/api/types';
import { en } from '@/i18n/en';
import { missedOf } from './away';
import { blockedText, captionTitle, doneText, jobDetails, jobLabel, leftText, stateWord } from './labels';
import { restNow, secondsLeft, steadyFraction } from './progress';
import { runningTitle } from './title';

const base = {
  id: 1,
  batch: 'b',
  origin: 'queue',
  state: 'running',
  hld: '',
  fraction: 0,
  restarts: 0,
  phase: 'denoise',
  step: 1,
  steps: 12,
  eta: null,
  flag: null,
  loras: null,
  error: null,
} as unknown as Job;
const t = en.queue;

describe('labels', () => {
  it('is the description, else the texts, else untitled', () => {
    expect(jobLabel({ hld: ' A  cat ' }, 'untitled')).toBe('A cat');
    const caption = { compositional_deconstruction: { elements: [{ type: 'text', text: 'SALE' }, { type: 'text', text: '50 %' }] } };
    expect(jobLabel({ hld: '' }, 'untitled', caption)).toBe('SALE · 50 %');
    expect(jobLabel({ hld: '' }, 'untitled', JSON.stringify(caption))).toBe('SALE · 50 %');
    expect(jobLabel({ hld: '' }, 'untitled', {})).toBe('untitled');
    expect(captionTitle('a plain prompt')).toBe('a plain prompt');
    expect(jobLabel({ hld: 'word '.repeat(40) }, 'untitled').length).toBeLessThanOrEqual(81);
  });

  it('has a word for every state', () => {
    expect(stateWord(t, { ...base, cancelling: true }, false)).toBe(t.cancelling);
    expect(stateWord(t, { ...base, state: 'pending' }, true)).toBe(t.busyWait);
    expect(stateWord(t, { ...base, state: 'done', flag: 'blocked' }, false)).toBe(t.blockedPicture);
    expect(stateWord(t, { ...base, phase: null }, false)).toBe(t.phases.denoise);
  });

  it('says why nothing starts', () => {
    expect(blockedText(t, null)).toBeNull();
    expect(blockedText(t, { code: 'slot_busy', error: '' })?.action).toBe('cancel');
    expect(blockedText(t, { code: 'model_failed', error: 'no file' })?.text).toContain('no file');
    expect(blockedText(t, { code: 'new_code' as never, error: 'why' })?.text).toBe('why');
  });

  it('copies no words of the prompt', () => {
    expect(jobDetails({ ...base, hld: 'secret' }, '1')).not.toContain('secret');
  });
});

describe('time', () => {
  it('is estimated until it is known', () => {
    expect(leftText(t, null)).toBe(t.estimating);
    expect(leftText(t, 83)).toBe('~1:23 left');
    expect(doneText(t, null)).toBe('');
    expect(doneText(t, 60, Date.UTC(2026, 0, 1))).toContain('done about');
  });

  it('never grows within a step', () => {
    const first = restNow(null, { ...base, eta: 20 }, 0);
    expect(secondsLeft(first, 5000)).toBe(15);
    const later = restNow(first, { ...base, eta: 19 }, 5000);
    expect(secondsLeft(later, 5000)).toBe(15);
    expect(secondsLeft(restNow(later, { ...base, eta: 9 }, 6000), 6000)).toBe(9);
    expect(secondsLeft(restNow(later, { ...base, step: 2, eta: 17 }, 6000), 6000)).toBe(17);
    expect(restNow(later, { ...base, eta: null }, 6000)).toBeNull();
  });

  it('has a bar that never falls', () => {
    const at = (fraction: number, restarts = 0) => steadyFraction({ ...base, id: 77, fraction, restarts });
    expect([at(0.2), at(0.5), at(0.4), at(0.6)]).toEqual([0.2, 0.5, 0.5, 0.6]);
    expect(at(0.1, 1)).toBe(0.1);
  });
});

describe('news', () => {
  it('counts what finished unseen', () => {
    const list = [5, 4, 3].map((id) => ({ ...base, id, state: id === 4 ? 'failed' : 'done' }) as Job);
    expect(missedOf(list, [3]).map((j) => j.id)).toEqual([5]);
  });

  it('puts the percentage into the title', () => {
    expect(runningTitle(43, 'A cat')).toBe('(43%) A cat');
  });
});
