// Lists of colours: within their limit, each once, in the order of a person.
import { fromRgb, readColours } from '@/document/colours';

export function limited(colours: string[], most: number): { colours: string[]; tooMany: boolean } {
  const each = [...new Set(colours)];
  return { colours: each.slice(0, most), tooMany: each.length > most };
}

const IN_ADDRESS = /https?:\/\/\S*?\/((?:[0-9a-f]{6}-)+[0-9a-f]{6})\b\S*/gi;
const PROPERTY = /(?:^|[\s;{])[-$@]{0,2}[a-z][\w-]*\s*:\s*/gi;

const NEWER = /\b(?:ok)?(?:lab|lch)\([^)]*\)|\bhwb\([^)]*\)|\bcolor\([^)]*\)/gi;

/** A colour that only the browser can read, as it puts it on the screen; else the text as it is. */
function onScreen(css: string): string {
  if (!globalThis.CSS?.supports('color', css)) return css;
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d');
  if (!context) return css;
  // Its alpha is dropped, as everywhere.
  context.fillStyle = css.replace(/\s*\/[^)]*/, '');
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return fromRgb(r ?? 0, g ?? 0, b ?? 0);
}

/** What surrounds colours where they are usually copied: addresses of palettes, names of properties. */
const bare = (text: string): string =>
  text
    .replace(NEWER, onScreen)
    .replace(IN_ADDRESS, (_, list: string) => list.split('-').join(' '))
    .replace(PROPERTY, ' ')
    .replace(/\s[|/]\s|[{}]/g, ' ');

export function typedColours(text: string, most: number): { colours: string[]; refused: string[]; tooMany: boolean } {
  const { colours, refused } = readColours(bare(text));
  return { ...limited(colours, most), refused };
}

export function moved<T>(list: T[], from: number, to: number): T[] {
  const rest = list.toSpliced(from, 1);
  const item = list[from];
  return item === undefined ? list : rest.toSpliced(to, 0, item);
}
