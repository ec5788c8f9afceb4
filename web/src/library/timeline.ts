// Days and how many pictures they have, as places along the scrubber.

export interface Bucket {
  date: string; // "2026-06-30" or "2026-06"
  count: number;
}

/** The bucket that the picture at an index is in, and the index of that bucket's first one. */
export function bucketAt(buckets: readonly Bucket[], index: number): { bucket: number; first: number } {
  let first = 0;
  for (const [i, bucket] of buckets.entries()) {
    if (index < first + bucket.count || i === buckets.length - 1) return { bucket: i, first };
    first += bucket.count;
  }
  return { bucket: 0, first: 0 };
}

export interface Mark {
  key: string; // "2026-06"
  part: number; // 0…1 of the height
  year: string | null; // where the year is what changes
}

/** Months, or years where they change, as far apart as asked. */
export function marksOf(buckets: readonly Bucket[], apart: number): Mark[] {
  const total = buckets.reduce((n, b) => n + b.count, 0);
  const marks: Mark[] = [];
  let before = '';
  let sum = 0;
  for (const { date, count } of buckets) {
    const key = date.slice(0, 7);
    if (key !== before) {
      const part = total === 0 ? 0 : sum / total;
      const isNewYear = before !== '' && key.slice(0, 4) !== before.slice(0, 4);
      const mark = { key, part, year: isNewYear ? key.slice(0, 4) : null };
      const last = marks.at(-1);
      if (!last || part - last.part >= apart) marks.push(mark);
      else if (isNewYear && marks.length > 1) marks[marks.length - 1] = mark;
      before = key;
    }
    sum += count;
  }
  return marks.filter((mark) => mark.part <= 1 - apart / 2);
}
