import { describe, expect, it } from 'vitest';
import type { Job } from '@/api/types';
import { moved, placed, placeOf, rowsOf, unitsOf, type Place } from './order';

const job = (id: number, batch = `b${id}`): Job => ({ id, batch, state: 'pending', position: 0 }) as Job;
const ids = (jobs: Job[]) => jobs.map((j) => j.id);
const never = () => false;

describe('units', () => {
  const jobs = [job(1), job(2, 'x'), job(3, 'x'), job(4)];

  it('folds a batch into one', () => {
    expect(unitsOf(jobs, never).map((u) => ids(u.jobs))).toEqual([[1], [2, 3], [4]]);
    expect(unitsOf(jobs, () => true).map((u) => ids(u.jobs))).toEqual([[1], [2], [3], [4]]);
  });

  it('shows a heading before the jobs of a batch', () => {
    const kinds = (open: boolean) => rowsOf(jobs, () => open).map((r) => (r.kind === 'job' ? r.job.id : 'batch'));
    expect(kinds(false)).toEqual([1, 'batch', 4]);
    expect(kinds(true)).toEqual([1, 'batch', 2, 3, 4]);
  });
});

describe('moving', () => {
  it('puts every unit where it was wanted', () => {
    const jobs = [job(1), job(2, 'x'), job(3, 'x'), job(4), job(5)];
    const units = unitsOf(jobs, never);
    for (let from = 0; from < units.length; from++) {
      for (let to = 0; to < units.length; to++) {
        const place = placeOf(units, from, to);
        const wanted = moved(units, from, to).flatMap((u) => ids(u.jobs));
        const got = place ? placed(jobs, ids(units[from]!.jobs), place) : jobs;
        expect(ids(got), `${from} to ${to}`).toEqual(wanted);
      }
    }
  });

  it('keeps everything, whatever the place names', () => {
    const jobs = [job(1), job(2), job(3)];
    const places: Place[] = [{ before: 9 }, { after: 9 }, { at: 'end' }, { at: 'next' }, { before: 2 }];
    for (const place of places) expect(ids(placed(jobs, [2], place)).sort()).toEqual([1, 2, 3]);
    expect(placed(jobs, [3], { at: 'next' }).map((j) => j.position)).toEqual([0, 1, 2]);
  });
});
