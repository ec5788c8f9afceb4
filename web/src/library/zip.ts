// An archive of pictures: stored, not compressed (they are compressed already), written piece by
// piece as the files come. Only the plain format: whoever writes begins another archive before
// its limits.

import { crc32 } from '@/lib/crc32';

export const FILES_MOST = 65_000; // 65 535 by the format
export const BYTES_MOST = 1_000_000_000; // 4 GiB by the format; less, because browsers hold it
const UTF8 = 0x0800;
const VERSION = 20;

/** Date and time as MS-DOS had them: local, in steps of two seconds, not before 1980. */
export function dosTime(date: Date): { date: number; time: number } {
  const year = Math.min(127, Math.max(0, date.getFullYear() - 1980));
  return {
    date: (year << 9) | ((date.getMonth() + 1) << 5) | date.getDate(),
    time: (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1),
  };
}

function fields(values: [size: 2 | 4, value: number][]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.reduce((n, [size]) => n + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of values) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/** "a.png" a second time is "a (2).png". */
export function uniqueName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.');
  const [base, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let unique = name;
  for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${base} (${n})${end}`;
  taken.add(unique.toLowerCase());
  return unique;
}

export class Zip {
  private readonly names = new Set<string>();
  private readonly directory: Uint8Array<ArrayBuffer>[] = [];
  private size = 0;
  private directorySize = 0;
  count = 0;

  /** Whether a file of this size still goes in. */
  hasRoom(bytes: number): boolean {
    return this.count === 0 || (this.count < FILES_MOST && this.size + bytes <= BYTES_MOST);
  }

  /** What to write for a file. */
  add(wanted: string, data: Uint8Array<ArrayBuffer>, date: Date): Uint8Array<ArrayBuffer>[] {
    const name = new TextEncoder().encode(uniqueName(wanted, this.names));
    const stamp = dosTime(date);
    const common: [2 | 4, number][] = [
      [2, UTF8],
      [2, 0], // stored
      [2, stamp.time],
      [2, stamp.date],
      [4, crc32(data)],
      [4, data.length],
      [4, data.length],
      [2, name.length],
      [2, 0], // nothing extra
    ];
    const head = fields([[4, 0x04034b50], [2, VERSION], ...common]);
    const entry = fields([
      [4, 0x02014b50],
      [2, VERSION],
      [2, VERSION],
      ...common,
      [2, 0], // no comment
      [2, 0],
      [2, 0],
      [4, 0],
      [4, this.size],
    ]);
    this.directory.push(entry, name);
    this.directorySize += entry.length + name.length;
    this.size += head.length + name.length + data.length;
    this.count++;
    return [head, name, data];
  }

  /** What to write at the end. */
  end(): Uint8Array<ArrayBuffer>[] {
    const end = fields([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, this.count],
      [2, this.count],
      [4, this.directorySize],
      [4, this.size],
      [2, 0],
    ]);
    return [...this.directory, end];
  }
}
