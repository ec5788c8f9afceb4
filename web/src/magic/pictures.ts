// Reference pictures for Magic Prompt: checked and made small enough before anything is sent.
import { newId } from '@/lib/ids';

export const PICTURES_MAX = 4;
export const BYTES_MAX = 6 * 1024 * 1024;
const SIDE_MAX = 2048;
const SENDABLE = ['image/png', 'image/jpeg', 'image/webp'];

export interface Picture {
  id: string;
  name: string;
  blob: Blob;
  url: string; // of the blob, until it is removed
}

export type Refusal = { why: 'noPicture' | 'unreadable' | 'tooLarge'; name: string };

/** The size within the limit, or null: it is small enough. */
export function shrunk(width: number, height: number): { width: number; height: number } | null {
  const longest = Math.max(width, height);
  if (longest <= SIDE_MAX) return null;
  const scale = SIDE_MAX / longest;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function encode(canvas: HTMLCanvasElement, type: string): Promise<Blob | null> {
  return new Promise((done) => canvas.toBlob(done, type, 0.9));
}

export async function takePicture(file: File): Promise<Picture | Refusal> {
  const { name } = file;
  if (!SENDABLE.includes(file.type)) return { why: 'noPicture', name };
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return { why: 'unreadable', name };
  const size = shrunk(bitmap.width, bitmap.height);
  let blob: Blob = file;
  if (size) {
    const canvas = document.createElement('canvas');
    canvas.width = size.width;
    canvas.height = size.height;
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0, size.width, size.height);
    blob = (await encode(canvas, file.type === 'image/png' ? 'image/png' : 'image/jpeg')) ?? file;
    if (blob.size > BYTES_MAX) blob = (await encode(canvas, 'image/jpeg')) ?? blob;
  }
  bitmap.close();
  if (blob.size > BYTES_MAX) return { why: 'tooLarge', name };
  return { id: newId(), name, blob, url: URL.createObjectURL(blob) };
}

/** Base64 without the prefix of a data URL. */
export function base64(blob: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => failed(reader.error ?? new Error('unreadable'));
    reader.readAsDataURL(blob);
  });
}
