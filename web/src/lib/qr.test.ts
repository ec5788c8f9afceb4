import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { QR_BYTES_MAX, corrections, qrCode, qrPath, withRemainder } from './qr';

const ADDRESS = 'http://192.168.1.23:8000/';
const digest = (code: boolean[][] | null) =>
  createHash('sha256')
    .update((code ?? []).map((row) => row.map((d) => (d ? 1 : 0)).join('')).join('\n'))
    .digest('hex')
    .slice(0, 16);

describe('QR codes', () => {
  it('corrects errors as the standard does', () => {
    // The worked example of a version 1-M code.
    const data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17];
    expect(corrections(data, 10)).toEqual([196, 35, 39, 119, 235, 215, 231, 226, 93, 23]);
  });

  it('knows the format and version words of the standard', () => {
    expect((withRemainder(5, 0x537, 10) ^ 0x5412).toString(2).padStart(15, '0')).toBe('100000011001110'); // M, mask 5
    expect((withRemainder(8 + 4, 0x537, 10) ^ 0x5412).toString(2).padStart(15, '0')).toBe('110011000101111'); // L, mask 4
    expect(withRemainder(7, 0x1f25, 12).toString(2).padStart(18, '0')).toBe('000111110010010100');
  });

  it('draws what another encoder draws', () => {
    expect(digest(qrCode(ADDRESS, 2))).toBe('f3ff12ca221a4d1c');
    expect(digest(qrCode(ADDRESS.repeat(5), 0))).toBe('885f0b9f0113904a'); // version information, several blocks
    expect(digest(qrCode(ADDRESS.repeat(8), 5))).toBe('c05156f2baec9cae'); // blocks of two lengths
  });

  it('grows with the text until it is too long', () => {
    expect(qrCode('a')?.length).toBe(21);
    expect(qrCode('ü'.repeat(50))?.length).toBe(41);
    expect(qrCode('x'.repeat(QR_BYTES_MAX))?.length).toBe(57);
    expect(qrCode('x'.repeat(QR_BYTES_MAX + 1))).toBeNull();
  });

  it('draws each dark run once', () => {
    const row = [true, true, false, true];
    expect(qrPath([row])).toBe('M0 0h2v1h-2zM3 0h1v1h-1z');
  });
});
