import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTexts } from './metadata';
import { crc32 } from '@/lib/crc32';
import { joined, withRecipeIn } from './write-meta';

const RECIPE = '{"caption":"<b> & \\"ü\\" 日本","seed":7}';
const text = (s: string) => new TextEncoder().encode(s);
const be32 = (n: number) => Uint8Array.of(n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255);

function chunk(type: string, data: Uint8Array): Uint8Array {
  const named = joined(text(type), data);
  return joined(be32(data.length), named, be32(crc32(named)));
}
const png = joined(
  Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
  chunk('IHDR', Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0)),
  chunk('IDAT', deflateSync(Uint8Array.of(0, 9))),
  chunk('IEND', new Uint8Array()),
);
const jpeg = joined(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1), Uint8Array.of(0xff, 0xda, 0, 2, 0xff, 0xd9));
const vp8 = joined(text('VP8 '), Uint8Array.of(4, 0, 0, 0), Uint8Array.of(1, 2, 3, 4));
const webp = joined(text('RIFF'), Uint8Array.of(16, 0, 0, 0), text('WEBP'), vp8);

const own = [{ key: 'ideogram4', text: RECIPE }];

describe('writing a recipe', () => {
  it('knows the check value of CRC-32', () => {
    expect(crc32(text('123456789'))).toBe(0xcbf43926);
  });

  it('is read again from all three kinds', async () => {
    for (const picture of [png, jpeg, webp]) {
      const written = withRecipeIn(picture, RECIPE, 300, 70_000);
      expect(await readTexts(written ?? new Uint8Array())).toEqual(own);
    }
  });

  it('makes a simple WebP an extended one of the same size', () => {
    const written = withRecipeIn(webp, RECIPE, 300, 70_000) ?? new Uint8Array();
    const numbers = new DataView(written.buffer);
    expect(numbers.getUint32(4, true)).toBe(written.length - 8);
    expect(new TextDecoder().decode(written.subarray(12, 16))).toBe('VP8X');
    expect([...written.subarray(20, 30)]).toEqual([4, 0, 0, 0, 299 & 255, 299 >> 8, 0, 69_999 & 255, (69_999 >> 8) & 255, 69_999 >> 16]);
    expect([...written.subarray(30, 42)]).toEqual([...vp8]);
  });

  it('keeps the JFIF segment first and says when there is no room', () => {
    const written = withRecipeIn(jpeg, RECIPE, 1, 1) ?? new Uint8Array();
    expect([...written.subarray(0, 10)]).toEqual([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 0xff, 0xe1]);
    expect(withRecipeIn(jpeg, 'x'.repeat(70_000), 1, 1)).toBeNull();
  });
});
