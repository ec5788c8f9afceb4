// Which seeds to draw a picture with: so many random ones, those that follow one, or a list.
import { randomSeed, SEED_MAX } from '@/lib/ids';

export const SEEDS_MOST = 100; // at once

export type How = { kind: 'random'; count: number } | { kind: 'following'; first: number; count: number } | { kind: 'list'; text: string };

export interface Seeds {
  seeds: number[]; // each once, in order
  bad: string | null; // the first part that is no seed
  isCut: boolean; // more than fit
}

const isSeed = (n: number) => Number.isInteger(n) && n >= 0 && n <= SEED_MAX;

/** "3, 7 12-15": numbers and ranges between commas or blanks. */
export function parseSeeds(text: string): Seeds {
  const seeds = new Set<number>();
  let isCut = false;
  for (const part of text.replace(/\s*[-–]\s*/g, '-').split(/[\s,;]+/).filter((p) => p !== '')) {
    const [, from, to] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? [];
    const a = Number(from ?? Number.NaN);
    const b = to === undefined ? a : Number(to);
    if (!isSeed(a) || !isSeed(b) || b < a) return { seeds: [...seeds], bad: part, isCut };
    for (let seed = a; seed <= b; seed++) {
      if (seeds.size === SEEDS_MOST && !seeds.has(seed)) {
        isCut = true;
        break;
      }
      seeds.add(seed);
    }
  }
  return { seeds: [...seeds], bad: null, isCut };
}

export function seedsOf(how: How): Seeds {
  if (how.kind === 'list') return parseSeeds(how.text);
  const seeds = new Set<number>();
  const count = Math.min(SEEDS_MOST, how.count);
  // After the last seed comes the first.
  for (let i = 0; how.kind === 'following' && i < count; i++) seeds.add((how.first + i) % (SEED_MAX + 1));
  while (how.kind === 'random' && seeds.size < count) seeds.add(randomSeed());
  return { seeds: [...seeds], bad: null, isCut: false };
}
