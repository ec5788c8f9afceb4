// Colours as the caption takes them (#RRGGBB in capitals), from what people type and paste (D27).
import { colourNamed } from './colour-names';

const EXACT = /^#[0-9A-F]{6}$/;
export const isExact = (text: string): boolean => EXACT.test(text);

const hex = (n: number): string =>
  Math.min(255, Math.max(0, Math.round(n)))
    .toString(16)
    .padStart(2, '0');

export const fromRgb = (r: number, g: number, b: number): string => `#${hex(r)}${hex(g)}${hex(b)}`.toUpperCase();

export function toRgb(colour: string): [number, number, number] {
  const n = Number.parseInt(colour.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function fromHsl(h: number, s: number, l: number): string {
  const part = (n: number) => {
    const k = (n + h / 30) % 12;
    return 255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return fromRgb(part(0), part(8), part(4));
}

function fromFunction(name: string, inside: string): string | null {
  const numbers = inside.match(/-?\d*\.?\d+%?/g) ?? [];
  if (numbers.length < 3) return null;
  const [a, b, c] = numbers as [string, string, string];
  const value = (t: string, whole: number) => (t.endsWith('%') ? (Number.parseFloat(t) / 100) * whole : Number.parseFloat(t));
  if (name.startsWith('rgb')) return fromRgb(value(a, 255), value(b, 255), value(c, 255));
  const share = (t: string) => Math.min(1, Math.max(0, Number.parseFloat(t) / 100));
  return fromHsl(((Number.parseFloat(a) % 360) + 360) % 360, share(b), share(c));
}

/** One token as #RRGGBB; null: it is no colour. An alpha part is dropped. */
export function toColour(token: string): string | null {
  const t = token.trim();
  const digits = /^#?([0-9a-f]{3,8})$/i.exec(t)?.[1]?.toUpperCase();
  if (digits?.length === 3 || digits?.length === 4) return `#${[...digits.slice(0, 3)].map((d) => d + d).join('')}`;
  if (digits?.length === 6 || digits?.length === 8) return `#${digits.slice(0, 6)}`;
  const call = /^(rgba?|hsla?)\(([^)]*)\)$/i.exec(t);
  if (call) return fromFunction(call[1]!.toLowerCase(), call[2]!);
  return colourNamed(t) ?? null;
}

export interface Tokens {
  colours: string[]; // exact, each once, in order
  refused: string[];
}

const COLOUR = /#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^)]*\)|[a-z]+/gi;

/** The colours of a list of any kind: commas, blanks, lines, quotes, or a CSS gradient. */
export function readColours(text: string): Tokens {
  const isGradient = /gradient\s*\(/i.test(text);
  const tokens = isGradient
    ? (text.match(COLOUR) ?? []).filter((t) => toColour(t) !== null)
    : (text.match(/(?:rgb|hsl)a?\([^)]*\)|[^\s,;"'[\]]+/gi) ?? []);
  const colours: string[] = [];
  const refused: string[] = [];
  for (const token of tokens) {
    const colour = toColour(token);
    if (colour === null) refused.push(token);
    else if (!colours.includes(colour)) colours.push(colour);
  }
  return { colours, refused };
}
