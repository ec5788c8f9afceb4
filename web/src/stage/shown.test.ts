import { describe, expect, it } from 'vitest';
import type { Job } from '@/api/types';
import { tick } from './clock';
import { fit } from './fit';
import { nearestStep } from './previews';
import { choose, mergeVersions, type Version } from './shown';

const job = (id: number, change: Partial<Job>): Job =>
  ({ id, state: 'done', image_id: null, flag: null, finished_at: `2026-01-01 00:00:${id}`, ...change }) as Job;
const version = (id: number, flag: Version['flag'] = null): Version => ({
  id,
  seed: 1,
  flag,
  createdAt: '',
  width: 1,
  height: 1,
});

describe('what the stage shows', () => {
  it('prefers what somebody chose to what runs, what runs to what was', () => {
    const jobs = [job(10, { state: 'running' }), job(11, { image_id: 5 })];
    const versions = [version(5), version(4)];
    expect(choose({ jobs, versions, pin: 4 })).toEqual({ kind: 'image', version: version(4) });
    expect(choose({ jobs, versions, pin: 99 }).kind).toBe('running');
    expect(choose({ jobs: [jobs[1]!], versions, pin: null })).toEqual({ kind: 'image', version: version(5) });
  });

  it('shows a refusal only when it is what just came, or all there is', () => {
    const versions = [version(5, 'blocked'), version(4)];
    expect(choose({ jobs: [], versions, pin: null })).toEqual({ kind: 'image', version: version(4) });
    expect(choose({ jobs: [job(10, { image_id: 5, flag: 'blocked' })], versions, pin: null }).kind).toBe('blocked');
    expect(choose({ jobs: [], versions: [version(5, 'blocked')], pin: null }).kind).toBe('blocked');
  });

  it('shows a failure until it is read', () => {
    const jobs = [job(10, { image_id: 5 }), job(11, { state: 'failed' })];
    const versions = [version(5)];
    expect(choose({ jobs, versions, pin: null }).kind).toBe('failed');
    expect(choose({ jobs, versions, pin: null, dismissed: [11] }).kind).toBe('image');
    expect(choose({ jobs: [job(12, { state: 'pending' })], versions, pin: null }).kind).toBe('image');
    expect(choose({ jobs: [job(12, { state: 'pending' })], versions: [], pin: null }).kind).toBe('waiting');
    expect(choose({ jobs: [job(12, { state: 'cancelled' })], versions: [], pin: null }).kind).toBe('none');
  });

  it('lists each picture once, newest first', () => {
    const list = mergeVersions([version(3), version(2)], [job(10, { image_id: 3 }), job(11, { image_id: 7 })]);
    expect(list.map((v) => v.id)).toEqual([7, 3, 2]);
  });

  it('finds a step that has a preview', () => {
    expect(nearestStep([1, 3, 7], 4)).toBe(3);
    expect(nearestStep([1, 3, 7], 5)).toBe(7);
    expect(nearestStep([], 5)).toBeNull();
  });

  it('fits any ratio', () => {
    expect(fit({ width: 400, height: 200 }, 100, 100, 10)).toEqual({ width: 180, height: 180 });
    expect(fit({ width: 10, height: 10 }, 1, 1, 10)).toEqual({ width: 0, height: 0 });
  });

  it('never lets the time left grow within a step', () => {
    const first = tick(null, { id: 1, step: 3, elapsed: 3, eta: 9 }, 2);
    expect(first).toEqual({ job: 1, step: 3, elapsed: 5, eta: 7 });
    expect(tick(first, { id: 1, step: 3, elapsed: 5, eta: 9 }, 0).eta).toBe(7);
    expect(tick(first, { id: 1, step: 4, elapsed: 5, eta: 9 }, 0).eta).toBe(9);
    expect(tick(first, { id: 1, step: 3, elapsed: 5, eta: null }, 0).eta).toBeNull();
  });
});
