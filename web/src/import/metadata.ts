// The texts that a picture carries: PNG text chunks, XMP of WebP and JPEG, JPEG comments. The bytes
// are anybody's: every length is checked before it is used, and more text than a recipe can be is
// refused. What is found is text and stays text.

export const TEXT_MAX = 2 * 1024 * 1024; // all texts of a picture, in bytes
const NAMESPACE = 'https://ideogram4.c/ns/1.0/';
const CHUNKS_MAX = 20_000;

export type MetaTrouble = 'broken' | 'textTooLarge';

export class MetaError extends Error {
  constructor(readonly trouble: MetaTrouble) {
    super(trouble);
  }
}

export interface MetaText {
  key: string; // "ideogram4" is ours
  text: string;
}

export type PictureKind = 'png' | 'webp' | 'jpeg';

const ascii = (bytes: Uint8Array, at: number, count: number): string =>
  String.fromCharCode(...bytes.subarray(at, Math.min(at + count, bytes.length)));

export function kindOf(bytes: Uint8Array): PictureKind | null {
  if (ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return 'webp';
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? 'jpeg' : null;
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Counts what is read; throws when it is too much. */
class Budget {
  left = TEXT_MAX;
  take(count: number): void {
    this.left -= count;
    if (this.left < 0) throw new MetaError('textTooLarge');
  }
}

async function inflate(bytes: Uint8Array, budget: Budget): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      budget.take(value.length);
      parts.push(value);
    }
  } catch (e) {
    await reader.cancel().catch(() => {});
    throw e instanceof MetaError ? e : new MetaError('broken');
  }
  const whole = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const zero = (data: Uint8Array, from: number): number => data.indexOf(0, from);

async function pngText(type: string, data: Uint8Array, budget: Budget): Promise<MetaText | null> {
  const end = zero(data, 0);
  if (end < 1 || end > 79) return null;
  const key = latin1(data.subarray(0, end));
  if (type === 'tEXt') {
    budget.take(data.length);
    return { key, text: latin1(data.subarray(end + 1)) };
  }
  if (type === 'zTXt') return { key, text: latin1(await inflate(data.subarray(end + 2), budget)) };
  const isPacked = data[end + 1] === 1;
  const language = zero(data, end + 3);
  const translated = language < 0 ? -1 : zero(data, language + 1);
  if (translated < 0) return null;
  const rest = data.subarray(translated + 1);
  if (isPacked) return { key, text: utf8(await inflate(rest, budget)) };
  budget.take(rest.length);
  return { key, text: utf8(rest) };
}

async function png(bytes: Uint8Array): Promise<MetaText[]> {
  const texts: MetaText[] = [];
  const budget = new Budget();
  const numbers = view(bytes);
  let at = 8;
  for (let count = 0; count < CHUNKS_MAX; count++) {
    if (at + 12 > bytes.length) return endedEarly(texts);
    const length = numbers.getUint32(at);
    const type = ascii(bytes, at + 4, 4);
    if (type === 'IEND') return texts;
    const isText = type === 'tEXt' || type === 'zTXt' || type === 'iTXt';
    if (isText && length > TEXT_MAX) throw new MetaError('textTooLarge');
    if (length > bytes.length - at - 12) return endedEarly(texts);
    if (isText) {
      const found = await pngText(type, bytes.subarray(at + 8, at + 8 + length), budget);
      if (found) texts.push(found);
    }
    at += 12 + length;
  }
  return endedEarly(texts);
}

/** A file that breaks off: what was found before still holds. */
function endedEarly(texts: MetaText[]): MetaText[] {
  if (texts.length === 0) throw new MetaError('broken');
  return texts;
}

// --- XMP -----------------------------------------------------------------------------------------

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/g, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Our properties by their names, everything else that is text under "xmp". */
export function xmpTexts(xmp: string): MetaText[] {
  const texts: MetaText[] = [];
  const bound = xmp.indexOf(NAMESPACE);
  const prefix = bound < 0 ? null : /xmlns:([\w.-]{1,40})\s*=\s*["']$/.exec(xmp.slice(Math.max(0, bound - 80), bound))?.[1];
  if (prefix) {
    const open = `<${prefix}:ideogram4>`;
    const from = xmp.indexOf(open);
    const to = from < 0 ? -1 : xmp.indexOf(`</${prefix}:ideogram4>`, from);
    if (to >= 0) texts.push({ key: 'ideogram4', text: unescape(xmp.slice(from + open.length, to)) });
    const attribute = new RegExp(`[\\s]${prefix.replace(/[.\\-]/g, '\\$&')}:ideogram4\\s*=\\s*("[^"]*"|'[^']*')`).exec(xmp);
    if (attribute?.[1]) texts.push({ key: 'ideogram4', text: unescape(attribute[1].slice(1, -1)) });
  }
  if (texts.length > 0) return texts;
  for (const [, inner] of xmp.matchAll(/>([^<>]{20,})</g)) texts.push({ key: 'xmp', text: unescape(inner ?? '') });
  for (const [, inner] of xmp.matchAll(/="([^"<>]{20,})"/g)) texts.push({ key: 'xmp', text: unescape(inner ?? '') });
  return texts;
}

function webp(bytes: Uint8Array): MetaText[] {
  const numbers = view(bytes);
  let at = 12;
  for (let count = 0; count < CHUNKS_MAX && at + 8 <= bytes.length; count++) {
    const type = ascii(bytes, at, 4);
    const length = numbers.getUint32(at + 4, true);
    if (type === 'XMP ' && length > TEXT_MAX) throw new MetaError('textTooLarge');
    if (length > bytes.length - at - 8) throw new MetaError('broken');
    if (type === 'XMP ') return xmpTexts(utf8(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length + (length & 1);
  }
  return [];
}

// --- JPEG ----------------------------------------------------------------------------------------

const XMP_MARK = 'http://ns.adobe.com/xap/1.0/\0';
const EXTENSION_MARK = 'http://ns.adobe.com/xmp/extension/\0';
const GUID = 32;

/** XMP beyond one segment, put together from pieces that say where they belong. */
class Extension {
  private whole: Uint8Array | null = null;
  private filled = 0;
  private guid = '';

  add(data: Uint8Array): void {
    if (data.length < GUID + 8) return;
    const guid = ascii(data, 0, GUID);
    const total = view(data).getUint32(GUID);
    const offset = view(data).getUint32(GUID + 4);
    const piece = data.subarray(GUID + 8);
    if (total > TEXT_MAX) throw new MetaError('textTooLarge');
    if (!this.whole) {
      this.whole = new Uint8Array(total);
      this.guid = guid;
    }
    if (guid !== this.guid || offset + piece.length > this.whole.length) return;
    this.whole.set(piece, offset);
    this.filled += piece.length;
  }

  text(): string {
    return this.whole && this.filled >= this.whole.length ? utf8(this.whole) : '';
  }
}

function jpeg(bytes: Uint8Array): MetaText[] {
  const numbers = view(bytes);
  const budget = new Budget();
  const extension = new Extension();
  const comments: MetaText[] = [];
  let main = '';
  let at = 2;
  for (let count = 0; count < CHUNKS_MAX; count++) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // fill bytes
    if (at + 4 > bytes.length || bytes[at] !== 0xff) throw new MetaError('broken');
    const marker = bytes[at + 1]!;
    if (marker === 0xda || marker === 0xd9) break; // the picture itself
    const length = numbers.getUint16(at + 2);
    if (length < 2 || at + 2 + length > bytes.length) throw new MetaError('broken');
    const data = bytes.subarray(at + 4, at + 2 + length);
    if (marker === 0xe1 && ascii(data, 0, XMP_MARK.length) === XMP_MARK) {
      budget.take(data.length);
      main += utf8(data.subarray(XMP_MARK.length));
    } else if (marker === 0xe1 && ascii(data, 0, EXTENSION_MARK.length) === EXTENSION_MARK) {
      budget.take(data.length);
      extension.add(data.subarray(EXTENSION_MARK.length));
    } else if (marker === 0xfe) {
      budget.take(data.length);
      comments.push({ key: 'comment', text: utf8(data) });
    }
    at += 2 + length;
  }
  return [...xmpTexts(extension.text()), ...xmpTexts(main), ...comments];
}

/** All texts of a picture; MetaError when it is damaged or carries too much. */
export async function readTexts(bytes: Uint8Array): Promise<MetaText[]> {
  switch (kindOf(bytes)) {
    case 'png':
      return png(bytes);
    case 'webp':
      return webp(bytes);
    case 'jpeg':
      return jpeg(bytes);
    default:
      return [];
  }
}
