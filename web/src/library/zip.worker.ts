// Fetches pictures one after the other and packs them, beside the page: it stays quick meanwhile.
import { Zip } from './zip';
import type { Packed, ToPack } from './zip-protocol';

const say = (message: Packed) => self.postMessage(message);

async function fetched(url: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return null;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const told = response.headers.get('Content-Length');
  const isWhole = told === null || response.headers.has('Content-Encoding') || Number(told) === bytes.length;
  return isWhole && bytes.length > 0 ? bytes : null;
}

async function pack(files: ToPack[]): Promise<void> {
  let zip = new Zip();
  let whole = new Blob([]); // the browser keeps it where it likes: large ones on the disk
  let missing = 0;
  const close = () => {
    say({ kind: 'part', blob: new Blob([whole, ...zip.end()], { type: 'application/zip' }), files: zip.count });
    zip = new Zip();
    whole = new Blob([]);
  };
  for (const [i, file] of files.entries()) {
    const data = await fetched(file.url).catch(() => null);
    if (data) {
      if (!zip.hasRoom(data.length)) close();
      whole = new Blob([whole, ...zip.add(file.name, data, new Date(file.time))]);
    } else {
      missing++;
    }
    say({ kind: 'progress', done: i + 1 });
  }
  if (zip.count > 0) close();
  say({ kind: 'end', missing });
}

self.onmessage = (e: MessageEvent<ToPack[]>) => {
  pack(e.data).catch((error: unknown) => say({ kind: 'failed', why: error instanceof Error ? error.message : String(error) }));
};
