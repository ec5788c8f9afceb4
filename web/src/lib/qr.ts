// QR codes (ISO/IEC 18004) of short texts: byte mode, error correction M, versions 1 to 10, which is
// up to 213 bytes. A code is a square of modules, true where it is dark.

export const QR_BYTES_MAX = 213;

// By version: error correction codewords of a block, and data codewords of each block.
const BLOCKS: readonly (readonly [ec: number, ...data: number[]])[] = [
  [0],
  [10, 16],
  [16, 28],
  [26, 44],
  [18, 32, 32],
  [24, 43, 43],
  [16, 27, 27, 27, 27],
  [18, 31, 31, 31, 31],
  [22, 38, 38, 39, 39],
  [22, 36, 36, 36, 37, 37],
  [26, 43, 43, 43, 43, 44],
];
// Centres of the small squares, but for those under the three large ones.
const ALIGNED: readonly (readonly number[])[] = [
  [], [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50],
];

// --- Reed and Solomon's code over 256 elements, x^8 + x^4 + x^3 + x^2 + 1 ------------------------

function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> bit) & 1) * a);
  return product;
}

/** Codewords that follow these data codewords. */
export function corrections(data: readonly number[], count: number): number[] {
  // The product of (x - 2^i), without its leading 1.
  let divisor = Array.from({ length: count }, (_, i): number => (i === count - 1 ? 1 : 0));
  let root = 1;
  for (let i = 0; i < count; i++) {
    divisor = divisor.map((c, j) => times(c, root) ^ (divisor[j + 1] ?? 0));
    root = times(root, 2);
  }
  let rest = divisor.map((): number => 0);
  for (const byte of data) {
    const factor = byte ^ (rest[0] ?? 0);
    rest = [...rest.slice(1), 0].map((c, j) => c ^ times(divisor[j] ?? 0, factor));
  }
  return rest;
}

/** A number with the remainder of its division by a polynomial behind it. */
export function withRemainder(value: number, polynomial: number, bits: number): number {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ (((rest >> (bits - 1)) & 1) * polynomial);
  return (value << bits) | rest;
}

// --- Codewords -----------------------------------------------------------------------------------

const capacity = (version: number): number => (BLOCKS[version] ?? [0]).slice(1).reduce((sum, n) => sum + n, 0);
const countBits = (version: number): number => (version < 10 ? 8 : 16);

function versionFor(bytes: number): number | null {
  for (let version = 1; version < BLOCKS.length; version++) {
    if (4 + countBits(version) + 8 * bytes <= 8 * capacity(version)) return version;
  }
  return null;
}

function dataCodewords(bytes: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const add = (value: number, count: number) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  add(4, 4); // bytes
  add(bytes.length, countBits(version));
  for (const byte of bytes) add(byte, 8);
  const room = 8 * capacity(version);
  add(0, Math.min(4, room - bits.length));
  add(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) add(pad, 8);
  return Array.from({ length: room / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((n, bit) => 2 * n + bit, 0));
}

/** The blocks take turns: first their data, then their corrections. */
function codewords(bytes: Uint8Array, version: number): number[] {
  const [ec = 0, ...lengths] = BLOCKS[version] ?? [0];
  const all = dataCodewords(bytes, version);
  let at = 0;
  const blocks = lengths.map((length) => all.slice(at, (at += length)));
  const turns = (lists: number[][]) =>
    Array.from({ length: Math.max(...lists.map((l) => l.length)) }, (_, i) => lists.flatMap((l) => l.slice(i, i + 1))).flat();
  return [...turns(blocks), ...turns(blocks.map((block) => corrections(block, ec)))];
}

// --- The square ----------------------------------------------------------------------------------

const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

class Square {
  readonly side: number;
  readonly dark: boolean[][];
  private readonly fixed: boolean[][]; // no place for data

  constructor(readonly version: number) {
    this.side = 17 + 4 * version;
    const empty = () => Array.from({ length: this.side }, () => Array<boolean>(this.side).fill(false));
    this.dark = empty();
    this.fixed = empty();
  }

  set(x: number, y: number, isDark: boolean): void {
    const [row, fixed] = [this.dark[y], this.fixed[y]];
    if (!row || !fixed || x < 0 || x >= this.side) return;
    row[x] = isDark;
    fixed[x] = true;
  }

  /** Rings around a centre; the dark ones are told by their distance. */
  private rings(cx: number, cy: number, radius: number, isDark: (ring: number) => boolean): void {
    for (let y = -radius; y <= radius; y++) {
      for (let x = -radius; x <= radius; x++) this.set(cx + x, cy + y, isDark(Math.max(Math.abs(x), Math.abs(y))));
    }
  }

  patterns(): void {
    const { side, version } = this;
    for (let i = 0; i < side; i++) {
      this.set(6, i, i % 2 === 0);
      this.set(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [side - 4, 3], [3, side - 4]] as const) this.rings(x, y, 4, (ring) => ring !== 2 && ring !== 4);
    const centres = ALIGNED[version] ?? [];
    const last = centres.at(-1);
    for (const x of centres) {
      for (const y of centres) {
        if ((x === 6 && y === 6) || (x === 6 && y === last) || (x === last && y === 6)) continue;
        this.rings(x, y, 2, (ring) => ring !== 1);
      }
    }
    this.format(0);
    if (version < 7) return;
    const bits = withRemainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const [far, near] = [side - 11 + (i % 3), Math.floor(i / 3)];
      this.set(far, near, ((bits >> i) & 1) === 1);
      this.set(near, far, ((bits >> i) & 1) === 1);
    }
  }

  /** Error correction M (0) and the mask, twice. */
  format(mask: number): void {
    const { side } = this;
    const bits = withRemainder(mask, 0x537, 10) ^ 0x5412;
    const bit = (i: number) => ((bits >> i) & 1) === 1;
    for (let i = 0; i < 15; i++) {
      // Beside the upper left square, around its corner, leaving out the dotted lines.
      if (i < 8) this.set(8, i < 6 ? i : i + 1, bit(i));
      else this.set(i === 8 ? 7 : 14 - i, 8, bit(i));
      if (i < 8) this.set(side - 1 - i, 8, bit(i));
      else this.set(8, side - 15 + i, bit(i));
    }
    this.set(8, side - 8, true);
  }

  /** Zigzag from the lower right, in columns of two. */
  data(words: readonly number[]): void {
    const { side } = this;
    let at = 0;
    for (let right = side - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      const isUp = ((right + 1) & 2) === 0;
      for (let i = 0; i < side; i++) {
        const y = isUp ? side - 1 - i : i;
        for (const x of [right, right - 1]) {
          const row = this.dark[y];
          if (!row || this.fixed[y]?.[x]) continue;
          row[x] = (((words[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1;
          at++;
        }
      }
    }
  }

  mask(mask: number): void {
    for (const [y, row] of this.dark.entries()) {
      for (let x = 0; x < this.side; x++) if (!this.fixed[y]?.[x] && MASKS[mask]?.(x, y)) row[x] = !row[x];
    }
  }
}

/** How hard it is to read; the mask with the least is taken. */
function penalty(dark: boolean[][]): number {
  const { length } = dark;
  const at = (x: number, y: number) => (dark[y]?.[x] ? 1 : 0);
  let sum = 0;
  for (const isAcross of [true, false]) {
    for (let a = 0; a < length; a++) {
      const line = Array.from({ length }, (_, b) => (isAcross ? at(b, a) : at(a, b))).join('');
      for (const run of line.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
      for (let b = 0; b + 11 <= length; b++) if (/^(00001011101|10111010000)/.test(line.slice(b, b + 11))) sum += 40;
    }
  }
  let darkOnes = 0;
  for (let y = 0; y < length; y++) {
    for (let x = 0; x < length; x++) {
      darkOnes += at(x, y);
      const four = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
      if (x + 1 < length && y + 1 < length && four % 4 === 0) sum += 3;
    }
  }
  return sum + 10 * Math.floor(Math.abs((darkOnes * 20) / length ** 2 - 10));
}

/** The code of a text with the given mask, or with the one that is read best; null: it is too long. */
export function qrCode(text: string, mask?: number): boolean[][] | null {
  const bytes = new TextEncoder().encode(text);
  const version = versionFor(bytes.length);
  if (version === null) return null;
  const words = codewords(bytes, version);
  const draw = (m: number) => {
    const square = new Square(version);
    square.patterns();
    square.data(words);
    square.mask(m);
    square.format(m);
    return square.dark;
  };
  if (mask !== undefined) return draw(mask);
  const [first, ...rest] = MASKS.map((_, m) => draw(m)).map((dark) => ({ dark, penalty: penalty(dark) }));
  return first ? rest.reduce((best, one) => (one.penalty < best.penalty ? one : best), first).dark : null;
}

/** The dark modules as the path of an SVG, one unit each. */
export function qrPath(dark: boolean[][]): string {
  return dark
    .flatMap((row, y) => [...row.map((d) => (d ? '1' : '0')).join('').matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`))
    .join('');
}
