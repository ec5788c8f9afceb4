// The local day of a server time; quickly, because thousands are asked for.
import { serverDate } from '@/lib/format';

const known = new Map<string, string>();

/** "2026-06-30 14:03:22" (UTC) → "2026-06-30" where the page is read. */
export function localDay(time: string): string {
  const tenMinutes = time.slice(0, 15); // zones differ by quarters of an hour at the finest
  const key = time.length > 15 ? `${tenMinutes}${Number(time[15]) >= 5 ? 5 : 0}` : time;
  let day = known.get(key);
  if (day === undefined) {
    const date = serverDate(time);
    const two = (n: number) => String(n).padStart(2, '0');
    day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    known.set(key, day);
  }
  return day;
}

/** "2026-06-30" as a date at noon, local. */
export function dateOfDay(day: string): Date {
  const [y = 1970, m = 1, d = 1] = day.split('-').map(Number);
  return new Date(y, m - 1, d, 12);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A date in words; with the formats kept, because making one takes longer than a frame has. */
export function dateText(date: Date, language: string, options: Intl.DateTimeFormatOptions): string {
  const key = language + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(language, options)));
  return format.format(date);
}
