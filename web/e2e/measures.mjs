// How well the page can be used and read, as numbers: rules of axe-core, targets, focus, width.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { source } from './harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Colours on their way to others are nobody's colours: waits until all transitions are at their end. */
function settled(page) {
  return page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    await frame();
    const ending = document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity);
    await Promise.all(ending.map((a) => a.finished.catch(() => {})));
    await frame();
  });
}

function axeRun(page) {
  return page.evaluate(async (values) => {
    const { violations: all } = await window.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
    return all.flatMap((v) => v.nodes.map((n) => `${v.id} at ${n.target.join(' ')}: ${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''}`));
  }, TAGS);
}

/**
 * Violations of the rules of WCAG, one line each. The rules look at one part after the other while
 * a running job changes the page: what a second look does not find again was between two states.
 */
export async function violations(page, where) {
  await settled(page);
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const first = await axeRun(page);
  const found = first.length > 0 ? await axeRun(page) : [];
  return found.filter((line) => first.includes(line)).map((line) => `${where}: ${line}`);
}

/** What is smaller than a finger or a pointer needs; links inside of text do not count. */
export function smallTargets(page, least) {
  return page.evaluate((side) => {
    const all = document.querySelectorAll(
      'button, a[href], input:not([type=hidden]), select, textarea, summary, [role=slider], [role=option], [role=menuitem], [role=tab]',
    );
    const small = [];
    for (const one of all) {
      if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || one.closest('[inert], [aria-hidden=true], .sr-only')) continue;
      const style = getComputedStyle(one);
      const isInText = one.parentElement.tagName === 'P' && [...one.parentElement.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim() !== '');
      if (isInText || (one.tagName === 'A' && style.display === 'inline')) continue;
      const boxes = [one, ...(one.labels ?? [])].map((e) => e.getBoundingClientRect());
      const box = boxes.toSorted((a, b) => Math.min(b.width, b.height) - Math.min(a.width, a.height))[0];
      if (box.width <= 1 || box.height <= 1 || one.closest('dialog:not([open])')) continue;
      const outside = box.right < 0 || box.bottom < 0 || box.left > innerWidth || box.top > innerHeight;
      if (outside) continue;
      if (Math.min(box.width, box.height) < side - 0.5) {
        const name = one.dataset.testid ?? one.getAttribute('aria-label') ?? one.textContent.slice(0, 30);
        small.push(`${one.tagName.toLowerCase()} ${name}: ${Math.round(box.width)}×${Math.round(box.height)}`);
      }
    }
    return [...new Set(small)];
  }, least);
}

/** Runs in the page: how an element with the focus is marked, and the contrast of the mark. */
function markOf(at) {
  const name = `${at.tagName.toLowerCase()} ${at.dataset.testid ?? at.getAttribute('aria-label') ?? at.textContent.slice(0, 30)}`;
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(rgb(a)), light(rgb(b))].toSorted((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (from) => {
    for (let e = from; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (rgb(color)[3] === 255) return color;
    }
    return 'white';
  };
  // The mark may be drawn by a neighbour, which takes the place of a hidden input.
  const marked = [at, at.nextElementSibling, at.closest('.cm-editor'), at.parentElement].find((e) => {
    if (!e) return false;
    const style = getComputedStyle(e);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  });
  if (!marked) return { name, isBody: at === document.body, contrast: 0 };
  const outer = parseFloat(getComputedStyle(marked).outlineOffset) >= 0 ? marked.parentElement : marked;
  return { name, isBody: at === document.body, contrast: contrast(getComputedStyle(marked).outlineColor, ground(outer)) };
}

/** The element with the focus. */
export async function focusMark(page) {
  await settled(page);
  return page.evaluate(`(${markOf})(document.activeElement)`);
}

/**
 * Goes through the page with Tab, from its beginning to its end: the mark of every element that gets
 * the focus on the way. Measured in the page as the focus comes; null: there is no end.
 */
export async function walk(page, most = 90) {
  await settled(page);
  await page.evaluate(`(() => {
    const mark = ${markOf};
    const still = new CSSStyleSheet();
    still.replaceSync('* { transition: none !important }');
    document.adoptedStyleSheets = [still];
    window.walked = [];
    window.isThrough = false;
    // Some hand the focus on at once; only where it stays it has to be seen.
    document.addEventListener('focusin', ({ target }) =>
      queueMicrotask(() => window.isThrough || target !== document.activeElement || window.walked.push(mark(target))),
    );
    document.addEventListener('focusout', (e) => (window.isThrough ||= e.relatedTarget === null && window.walked.length > 0));
  })()`);
  for (let i = 0; i < most; i += 6) {
    for (let k = 0; k < 6; k++) await page.keyboard.press('Tab');
    if (await page.evaluate(() => window.isThrough)) return page.evaluate(() => window.walked);
  }
  return null;
}

/** Words of buttons and tabs that are cut off. */
export function clipped(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('button, [role=tab], label, h1, h2, h3')]
      .filter((e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest('.sr-only'))
      .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && getComputedStyle(e).overflowX !== 'visible' && getComputedStyle(e).textOverflow !== 'ellipsis')
      .map((e) => `${e.dataset.testid ?? e.textContent.slice(0, 40)}: ${e.scrollWidth} in ${e.clientWidth}`),
  );
}

/** Buttons of the page that something else covers. */
export function covered(page) {
  return page.evaluate(() => {
    const bad = [];
    // Below a modal dialog nothing can be used, nor seen.
    const top = [...document.querySelectorAll('dialog:modal')].at(-1) ?? document;
    for (const one of top.querySelectorAll('button, a[href], input, select, textarea')) {
      if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || one.closest('.sr-only, [aria-hidden=true]')) continue;
      const box = one.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      if (box.width <= 1 || x < 0 || y < 0 || x > innerWidth || y > innerHeight) continue;
      // What is scrolled away inside of its own panel is not covered.
      let isScrolledOff = false;
      for (let e = one.parentElement; e; e = e.parentElement) {
        const frame = e.getBoundingClientRect();
        if (/auto|scroll|hidden/.test(getComputedStyle(e).overflowY) && (y < frame.top || y > frame.bottom)) isScrolledOff = true;
      }
      if (isScrolledOff) continue;
      const hit = document.elementFromPoint(x, y);
      if (hit && !one.contains(hit) && !hit.contains(one) && ![...(one.labels ?? [])].some((l) => l.contains(hit))) {
        bad.push(`${one.dataset.testid ?? one.getAttribute('aria-label') ?? one.textContent.slice(0, 30)} by ${hit.outerHTML.slice(0, 80)}`);
      }
    }
    return bad;
  });
}

/** How much of a core a program gets just now, 0…1: less than all when others run beside it. */
export function share() {
  const begin = performance.now();
  const before = process.cpuUsage();
  while (performance.now() - begin < 100);
  const { user, system } = process.cpuUsage(before);
  return Math.min(1, (user + system) / 1000 / (performance.now() - begin));
}

const dist = process.env.IDEOGRAM4_WEB_DIR ?? join(source, 'web/dist');

/** gzip bytes of files of the built page. */
export const packedSize = (paths) => paths.reduce((n, path) => n + gzipSync(readFileSync(join(dist, path)), { level: 9 }).length, 0);

/** gzip bytes of the script that the first paint needs. */
export function initialScript() {
  const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'));
  const seen = new Set();
  const weigh = (key) => {
    if (seen.has(key)) return 0;
    seen.add(key);
    const { file, imports = [] } = manifest[key];
    return gzipSync(readFileSync(join(dist, file)), { level: 9 }).length + imports.reduce((sum, k) => sum + weigh(k), 0);
  };
  return weigh('index.html');
}
