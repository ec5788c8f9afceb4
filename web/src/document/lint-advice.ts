// What is allowed but rarely turns out well: too few or too many words, boxes in each other's way,
// camera words where they are not heard.
import { BACKGROUND, ELEMENTS, HLD, MEDIA, STYLE, UNITS, elementPath, read, type Box, type Caption, type Element } from './caption';
import { isExact } from './colours';
import type { Json, Path } from './json';
import type { Fix } from './lint-fix';
import type { Finding, Level, Limits, Rule, Size } from './lint';

const WORDS_MIN = 12;
const DESCRIPTION_MAX = 50;
const ELEMENT_MAX = 60;
const TOKENS_MAX = 2048; // docs/model.md: at most so many, never cut
const TEXTS_MAX = 6;
const TEXT_MAX = 80; // characters to be drawn
const COLOURS_MAX = 16;
const LETTER_MIN = 12; // pixels of a line
const LETTER_WIDTH = 0.5; // of its height
const LINE = 1.15;
const GRID = 50; // cells of a side, for the area that boxes cover

const WORD = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]|[^\s\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]+/gu;
const countWords = (text: string): number => text.match(WORD)?.length ?? 0;

/** About how many tokens a text has: 3.6 letters each, or one for each sign of East Asian scripts. */
function countTokens(text: string): number {
  let tokens = 0;
  for (const c of text) tokens += c.codePointAt(0)! > 0x2e80 ? 0.9 : 1 / 3.6;
  return Math.ceil(tokens);
}

const CAMERA =
  /\b(\d{2,3}\s?mm|f\/\d[\d.]*|bokeh|depth[- ]of[- ]field|(?:camera|shooting) (?:angle|view)|close-?up shot|wide[- ]angle|telephoto|fish-?eye lens|tilt[- ]shift|macro shot|(?:low|high)[- ]angle (?:shot|view)|bird'?s[- ]eye view|shot on)\b/i;

const overlap = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function coveredShare(boxes: Box[]): number {
  let cells = 0;
  for (let y = 0; y < GRID; y++) {
    for (let x = 0; x < GRID; x++) {
      const [cy, cx] = [((y + 0.5) * UNITS) / GRID, ((x + 0.5) * UNITS) / GRID];
      if (boxes.some((b) => b[0] <= cy && cy < b[2] && b[1] <= cx && cx < b[3])) cells++;
    }
  }
  return cells / (GRID * GRID);
}

/** Pixels of a line when the text fills its box. */
function letterHeight(text: string, box: Box, size: Size): number {
  const lines = text.split('\n');
  const longest = Math.max(1, ...lines.map((l) => [...l].length));
  const height = ((box[2] - box[0]) / UNITS) * size.height;
  const width = ((box[3] - box[1]) / UNITS) * size.width;
  return Math.min(height / (lines.length * LINE), width / (longest * LETTER_WIDTH));
}

type Add = (level: Level, rule: Rule, path: Path, args?: (string | number)[], more?: { fix?: Fix; also?: Path }) => void;

function wordRules(c: Caption, value: Json, add: Add): void {
  const all = [c.hld, c.aesthetics, c.lighting, c.look, c.background, ...c.elements.flatMap((e) => [e.text, e.desc])];
  const words = all.reduce((sum, text) => sum + countWords(text), 0);
  if (words > 0 && words < WORDS_MIN) add('warning', 'few-words', HLD, [words, WORDS_MIN]);
  const ofDescription = countWords(c.hld);
  if (ofDescription > DESCRIPTION_MAX) add('warning', 'long-description', HLD, [ofDescription, DESCRIPTION_MAX]);
  const tokens = countTokens(JSON.stringify(value));
  if (tokens > TOKENS_MAX) add('warning', 'tokens', [], [tokens, TOKENS_MAX]);
}

function textRules(texts: Element[], size: Size, add: Add): void {
  if (texts.length > TEXTS_MAX) add('warning', 'many-texts', ELEMENTS, [texts.length, TEXTS_MAX]);
  texts.forEach((a, i) => {
    for (const b of texts.slice(i + 1)) {
      if (a.box && b.box && overlap(a.box, b.box)) {
        add('warning', 'overlap', elementPath(a.index, 'bbox'), [a.index + 1, b.index + 1], { also: elementPath(b.index, 'bbox') });
      }
    }
    const length = [...a.text].length;
    if (length > TEXT_MAX) add('warning', 'long-text', elementPath(a.index, 'text'), [length, TEXT_MAX]);
    if (a.box && a.text.trim() !== '' && letterHeight(a.text, a.box, size) < LETTER_MIN) {
      add('warning', 'tight-text', elementPath(a.index, 'bbox'), [Math.floor(letterHeight(a.text, a.box, size))]);
    }
    const said = a.text.trim().replace(/\s+/g, ' ').toLowerCase();
    if (said !== '' && a.desc.trim() !== '' && !a.desc.replace(/\s+/g, ' ').toLowerCase().includes(said)) {
      add('hint', 'text-not-described', elementPath(a.index, 'desc'));
    }
  });
}

function paletteRules(c: Caption, value: Json, limits: Limits, add: Add): void {
  const raw = (value as { style_description?: { color_palette?: unknown } }).style_description?.color_palette;
  const tooMany =
    (Array.isArray(raw) && raw.length > limits.palette) || c.elements.some((e) => e.palette.length > limits.elementPalette);
  const colours = new Set([...c.palette, ...c.elements.flatMap((e) => e.palette)].filter(isExact));
  if (!tooMany && colours.size > COLOURS_MAX) add('warning', 'colours-total', [...STYLE, 'color_palette'], [colours.size, COLOURS_MAX]);
}

export function advise(value: Json, size: Size, limits: Limits): Finding[] {
  const found: Finding[] = [];
  const add: Add = (level, rule, path, args = [], more = {}) =>
    found.push({ level, rule, path, args, fix: more.fix ?? null, ...(more.also ? { also: more.also } : {}) });
  const c = read(value);
  wordRules(c, value, add);
  textRules(c.elements.filter((e) => e.kind === 'text'), size, add);
  for (const e of c.elements) {
    const words = countWords(e.desc);
    if (words > ELEMENT_MAX) add('warning', 'long-element', elementPath(e.index, 'desc'), [words, ELEMENT_MAX]);
    const camera = CAMERA.exec(e.desc);
    if (camera) add('hint', 'camera-words', elementPath(e.index, 'desc'), [camera[0]]);
  }
  const boxes = c.elements.flatMap((e) => (e.box ? [e.box] : []));
  if (boxes.length > 0 && countWords(c.background) < WORDS_MIN) {
    const share = coveredShare(boxes);
    if (share < 0.5) add('warning', 'coverage', BACKGROUND, [Math.round(share * 100)]);
  }
  paletteRules(c, value, limits, add);
  const style = (value as { style_description?: object }).style_description ?? {};
  const known = (MEDIA as readonly string[]).includes(c.medium);
  if (known && 'photo' in style !== 'art_style' in style) {
    const fits = c.medium === MEDIA[0] ? 'photo' : 'art_style';
    if (c.lookKind !== fits) {
      add('hint', 'medium-kind', [...STYLE, c.lookKind], [c.medium], {
        fix: { do: 'look', label: fits === 'photo' ? 'keepPhoto' : 'keepArt', keep: fits },
      });
    }
  }
  return found;
}
