import fc from 'fast-check';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MetaError, TEXT_MAX, kindOf, readTexts, xmpTexts } from './metadata';

const bytes = (...parts: (string | number[] | Uint8Array)[]): Uint8Array => {
  const all = parts.map((p) => (typeof p === 'string' ? new TextEncoder().encode(p) : Uint8Array.from(p)));
  const out = new Uint8Array(all.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of all) {
    out.set(p, at);
    at += p.length;
  }
  return out;
};
const be32 = (n: number) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const le32 = (n: number) => be32(n).toReversed();
const be16 = (n: number) => [(n >> 8) & 255, n & 255];

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const chunk = (type: string, data: Uint8Array) => bytes(be32(data.length), type, data, [0, 0, 0, 0]);
const png = (...chunks: Uint8Array[]) => bytes(SIGNATURE, ...chunks, chunk('IEND', bytes()));
const itxt = (key: string, text: string) => chunk('iTXt', bytes(key, [0, 0, 0, 0, 0], text));

const xmp = (text: string) =>
  `<?xpacket?><x:xmpmeta><rdf:RDF><rdf:Description xmlns:i4="https://ideogram4.c/ns/1.0/">\n<i4:ideogram4>${text}</i4:ideogram4></rdf:Description></rdf:RDF></x:xmpmeta>`;
const webp = (packet: string) => {
  const body = bytes('WEBP', 'VP8X', le32(10), new Uint8Array(10), 'XMP ', le32(packet.length), packet);
  return bytes('RIFF', le32(body.length), body);
};
const segment = (marker: number, data: Uint8Array) => bytes([0xff, marker], be16(data.length + 2), data);
const jpeg = (...segments: Uint8Array[]) => bytes([0xff, 0xd8], ...segments, [0xff, 0xda, 0, 2, 0xff, 0xd9]);
const XMP = 'http://ns.adobe.com/xap/1.0/\0';
const EXTENSION = 'http://ns.adobe.com/xmp/extension/\0';

describe('texts of pictures', () => {
  it('reads PNG texts of all three kinds', async () => {
    const packed = bytes('z', [0, 0], deflateSync(Buffer.from('zipped')));
    const file = png(itxt('ideogram4', '{"ä":1}'), chunk('tEXt', bytes('parameters\0words')), chunk('zTXt', packed));
    expect(kindOf(file)).toBe('png');
    expect(await readTexts(file)).toEqual([
      { key: 'ideogram4', text: '{"ä":1}' },
      { key: 'parameters', text: 'words' },
      { key: 'z', text: 'zipped' },
    ]);
  });

  it('reads XMP of WebP and JPEG, whole and in pieces', async () => {
    const own = { key: 'ideogram4', text: '{"a":"<b>\n&"}' };
    const packet = xmp('{&quot;a&quot;:&quot;&lt;b&gt;&#10;&amp;&quot;}');
    expect(await readTexts(webp(packet))).toEqual([own]);
    expect(await readTexts(jpeg(segment(0xe1, bytes(XMP, packet))))).toEqual([own]);
    const half = packet.length >> 1;
    const piece = (from: number, text: string) =>
      segment(0xe1, bytes(EXTENSION, 'A'.repeat(32), be32(packet.length), be32(from), text));
    const pieces = jpeg(segment(0xe1, bytes(XMP, '<x/>')), piece(half, packet.slice(half)), piece(0, packet.slice(0, half)));
    expect(await readTexts(pieces)).toEqual([own]);
    expect(await readTexts(jpeg(piece(0, packet.slice(0, half))))).toEqual([]);
  });

  it('takes the property as an attribute and foreign XMP as text', () => {
    const attribute = `<rdf:Description xmlns:q='https://ideogram4.c/ns/1.0/' q:ideogram4='{"a":1}'/>`;
    expect(xmpTexts(attribute)).toEqual([{ key: 'ideogram4', text: '{"a":1}' }]);
    expect(xmpTexts('<dc:description>a longer text of another program</dc:description>')[0]?.key).toBe('xmp');
  });

  it('refuses too much text before reading it', async () => {
    const trouble = async (file: Uint8Array) => {
      try {
        await readTexts(file);
        return null;
      } catch (e) {
        return e instanceof MetaError ? e.trouble : e;
      }
    };
    expect(await trouble(bytes(SIGNATURE, be32(50_000_000), 'iTXt', 'xxxxxxxx'))).toBe('textTooLarge');
    const bomb = bytes('z', [0, 0], deflateSync(Buffer.alloc(TEXT_MAX + 1, 'a')));
    expect(await trouble(png(chunk('zTXt', bomb)))).toBe('textTooLarge');
    const half = 'x'.repeat(TEXT_MAX * 0.6);
    expect(await trouble(png(itxt('a', half), itxt('b', half)))).toBe('textTooLarge');
    expect(await trouble(bytes(SIGNATURE, be32(100), 'IDAT', 'short'))).toBe('broken');
    expect(await trouble(bytes('RIFF', le32(4), 'WEBP', 'XMP ', le32(900), 'short'))).toBe('broken');
    expect(await trouble(bytes([0xff, 0xd8, 0xff, 0xe1, 0, 99, 1]))).toBe('broken');
    const lie = segment(0xe1, bytes(EXTENSION, 'A'.repeat(32), be32(0xffff_ffff), be32(0), 'x'));
    expect(await trouble(jpeg(lie))).toBe('textTooLarge');
  });

  it('survives any bytes', async () => {
    const heads = [SIGNATURE, [...bytes('RIFF', le32(9), 'WEBP')], [0xff, 0xd8, 0xff, 0xe1]];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 400 }), async (head, rest) => {
        await readTexts(bytes(head, rest)).catch((e: unknown) => {
          if (!(e instanceof MetaError)) throw e;
        });
      }),
      { numRuns: 500 },
    );
  });

  it('survives damage to good files', async () => {
    const good = [
      png(itxt('ideogram4', '{"a":1}'), chunk('zTXt', bytes('z', [0, 0], deflateSync(Buffer.from('zipped'))))),
      webp(xmp('text')),
      jpeg(segment(0xe1, bytes(XMP, xmp('text'))), segment(0xfe, bytes('comment'))),
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...good), fc.nat(), fc.nat({ max: 255 }), fc.boolean(), async (file, at, value, cut) => {
        const damaged = cut ? file.slice(0, at % file.length) : file.with(at % file.length, value);
        await readTexts(damaged).catch((e: unknown) => {
          if (!(e instanceof MetaError)) throw e;
        });
      }),
      { numRuns: 500 },
    );
  });
});
