import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { crc32 } from '@/lib/crc32';
import { dosTime, uniqueName, Zip } from './zip';

const bytes = (text: string) => new TextEncoder().encode(text);

test('the sum is the one of the format', () => {
  expect(crc32(bytes('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

test('dates are within what the format can say', () => {
  expect(dosTime(new Date(2026, 5, 30, 14, 3, 22))).toEqual({ date: (46 << 9) | (6 << 5) | 30, time: (14 << 11) | (3 << 5) | 11 });
  expect(dosTime(new Date(1970, 0, 1)).date >> 9).toBe(0);
});

test('equal names become different ones', () => {
  const taken = new Set<string>();
  expect(['a.png', 'A.png', 'a.png', 'b'].map((name) => uniqueName(name, taken))).toEqual(['a.png', 'A (2).png', 'a (3).png', 'b']);
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

test.skipIf(!hasPython)('another program reads the archive', () => {
  const zip = new Zip();
  const data = new Uint8Array(70_000).map((_, i) => i * 7);
  const parts = [...zip.add('Straße 東京.png', data, new Date(2026, 5, 30)), ...zip.add('b.txt', bytes('hello'), new Date(2026, 5, 30)), ...zip.end()];
  const folder = mkdtempSync(join(tmpdir(), 'zip-'));
  try {
    const file = join(folder, 'a.zip');
    writeFileSync(file, Buffer.concat(parts));
    const script = 'import sys,zipfile,json; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps([z.testzip(), [[i.filename,i.file_size,i.date_time[0]] for i in z.infolist()]]))';
    const said: unknown = JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }));
    expect(said).toEqual([null, [['Straße 東京.png', 70_000, 2026], ['b.txt', 5, 2026]]]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an archive is full before the format is', () => {
  const zip = new Zip();
  expect(zip.hasRoom(5_000_000_000)).toBe(true); // alone
  zip.add('a', bytes('x'), new Date());
  expect(zip.hasRoom(1_000_000_000)).toBe(false);
  expect(zip.hasRoom(1000)).toBe(true);
});
