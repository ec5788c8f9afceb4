// A recipe written into a picture, where import (metadata.ts) and the programs read it: an iTXt
// chunk of a PNG, an XMP packet of a WebP or JPEG.
import { crc32 } from '@/lib/crc32';
import { kindOf } from './metadata';

const XMP_MARK = 'http://ns.adobe.com/xap/1.0/\0';
const SEGMENT_MAX = 65_533; // bytes of one JPEG segment without its length

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

const xmp = (recipe: string): Uint8Array =>
  encode(
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
      '<rdf:Description rdf:about="" xmlns:i4="https://ideogram4.c/ns/1.0/">' +
      `<i4:ideogram4>${escape(recipe)}</i4:ideogram4>` +
      '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>',
  );

function png(bytes: Uint8Array, recipe: string): Uint8Array {
  // Key, not packed, no language, no translated key.
  const named = encode(`iTXtideogram4\0\0\0\0\0${recipe}`);
  const frame = new Uint8Array(8);
  view(frame).setUint32(0, named.length - 4);
  view(frame).setUint32(4, crc32(named));
  const head = 8 + 25; // signature and header
  return joined(bytes.subarray(0, head), frame.subarray(0, 4), named, frame.subarray(4), bytes.subarray(head));
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const head = new Uint8Array(8);
  head.set(encode(type));
  view(head).setUint32(4, data.length, true);
  return joined(head, data, new Uint8Array(data.length & 1));
}

function webp(bytes: Uint8Array, recipe: string, width: number, height: number): Uint8Array {
  const isExtended = String.fromCharCode(...bytes.subarray(12, 16)) === 'VP8X';
  const extra = new Uint8Array(10);
  view(extra).setUint32(4, width - 1, true); // 24 bits; the fourth byte is written over
  view(extra).setUint16(7, (height - 1) & 0xffff, true);
  extra[9] = (height - 1) >> 16;
  const chunks = isExtended ? Uint8Array.from(bytes.subarray(12)) : joined(chunk('VP8X', extra), bytes.subarray(12));
  chunks[8] = (chunks[8] ?? 0) | 0x04; // has XMP
  const body = joined(encode('WEBP'), chunks, chunk('XMP ', xmp(recipe)));
  return chunk('RIFF', body);
}

function jpeg(bytes: Uint8Array, recipe: string): Uint8Array | null {
  const data = joined(encode(XMP_MARK), xmp(recipe));
  if (data.length > SEGMENT_MAX) return null;
  const head = Uint8Array.of(0xff, 0xe1, (data.length + 2) >> 8, (data.length + 2) & 255);
  // Behind the segment that says that it is a JFIF file, which comes first.
  const at = bytes[3] === 0xe0 ? 4 + view(bytes).getUint16(4) : 2;
  return joined(bytes.subarray(0, at), head, data, bytes.subarray(at));
}

/** The picture with the recipe in it; null: there is no room for so much. */
export function withRecipeIn(bytes: Uint8Array, recipe: string, width: number, height: number): Uint8Array | null {
  switch (kindOf(bytes)) {
    case 'png':
      return png(bytes, recipe);
    case 'webp':
      return webp(bytes, recipe, width, height);
    case 'jpeg':
      return jpeg(bytes, recipe);
    default:
      return null;
  }
}
