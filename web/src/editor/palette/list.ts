// Lists of colours: within their limit, each once, in the order of a person.
import { readColours } from '@/document/colours';

export function limited(colours: string[], most: number): { colours: string[]; tooMany: boolean } {
  const each = [...new Set(colours)];
  return { colours: each.slice(0, most), tooMany: each.length > most };
}

export function typedColours(text: string, most: number): { colours: string[]; refused: string[]; tooMany: boolean } {
  const { colours, refused } = readColours(text);
  return { ...limited(colours, most), refused };
}

export function moved<T>(list: T[], from: number, to: number): T[] {
  const rest = list.toSpliced(from, 1);
  const item = list[from];
  return item === undefined ? list : rest.toSpliced(to, 0, item);
}
