// Steps that several scenarios take, and the measures that several of them apply.
import assert from 'node:assert/strict';
import { mode } from './acts.mjs';
import { CAPTION, eventually } from './harness.mjs';

/** The caption's text, byte for byte, as the page's own copying gives it. */
export async function textOf(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await mode(page, 'json');
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.getByTestId('json-copy').click();
  return eventually('the caption is copied', () => page.evaluate(() => navigator.clipboard.readText()));
}

export async function captionOf(page) {
  return JSON.parse(await textOf(page));
}

/** Puts a text into the JSON view as one paste does. */
export async function writeJson(page, text) {
  await mode(page, 'json');
  const editor = page.getByTestId('json-editor');
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
  assert.equal(await textOf(page), text);
}

/** The boxes of the canvas in the order of the caption: [top, left, bottom, right] each. */
export function boxesOf(page) {
  return page.getByTestId('box').evaluateAll((all) =>
    all
      .map((box) => ({ index: Number(box.dataset.index), bbox: box.dataset.bbox.split(',').map(Number) }))
      .toSorted((a, b) => a.index - b.index),
  );
}

export const boxAt = (page, index) => page.locator(`[data-testid=box][data-index="${index}"]`);

export async function bboxOf(page, index) {
  return (await boxAt(page, index).getAttribute('data-bbox')).split(',').map(Number);
}

/** From units of the canvas to pixels of the window. */
export async function canvasPoint(page, x, y) {
  const canvas = await page.locator('[data-canvas]').boundingBox();
  return { x: canvas.x + (canvas.width * x) / 1000, y: canvas.y + (canvas.height * y) / 1000 };
}

/** A drag with the mouse between two places of the canvas; `between` runs before the release. */
export async function drag(page, from, to, { keys = [], between } = {}) {
  const a = await canvasPoint(page, ...from);
  const b = await canvasPoint(page, ...to);
  await page.mouse.move(a.x, a.y);
  for (const key of keys) await page.keyboard.down(key);
  await page.mouse.down();
  await page.mouse.move((a.x + b.x) / 2, (a.y + b.y) / 2, { steps: 4 });
  await page.mouse.move(b.x, b.y, { steps: 4 });
  const result = between ? await between() : undefined;
  await page.mouse.up();
  for (const key of keys) await page.keyboard.up(key);
  return result;
}

export function assertBoxes(boxes, count) {
  assert.equal(boxes.length, count);
  for (const { bbox } of boxes) {
    assert.equal(bbox.length, 4);
    for (const n of bbox) assert.ok(Number.isInteger(n) && n >= 0 && n <= 1000, bbox.join());
    assert.ok(bbox[2] - bbox[0] >= 10 && bbox[3] - bbox[1] >= 10, bbox.join());
  }
}

/** Collects what the live region says, with the time of each change. */
export async function listen(page) {
  await page.evaluate(() => {
    window.heard = [];
    const region = document.querySelector('[data-testid=live-region]');
    const note = () => region.textContent && window.heard.push({ at: performance.now(), text: region.textContent });
    new MutationObserver(note).observe(region, { childList: true, characterData: true, subtree: true });
  });
  return () => page.evaluate(() => window.heard);
}

/** Fingers, through the protocol of the browser: several at once, as long as one likes. */
export async function fingers(page) {
  const session = await page.context().newCDPSession(page);
  const send = (type, points) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map((p, id) => ({ x: Math.round(p.x), y: Math.round(p.y), id })),
    });
  return {
    down: (...points) => send('touchStart', points),
    move: (...points) => send('touchMove', points),
    up: () => send('touchEnd', []),
  };
}

/** The time of the quietest pass: what else a machine does only adds. */
export const quietest = (times) => Math.min(...times);

/** Nothing of the page is wider than the window. */
export async function assertNoSideways(page) {
  const [content, view] = await page.evaluate(() => [
    Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= view, `${content} px of content in ${view} px`);
}

/** A file dropped on an element of the page. */
export async function dropFile(page, target, { name, type, bytes }) {
  const text = Buffer.from(bytes).toString('base64');
  const file = await page.evaluateHandle(
    ([packed, fileName, fileType]) =>
      new File([Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))], fileName, { type: fileType }),
    [text, name, type],
  );
  await dropHandle(page, target, file);
}

/** The same with a File that was made in the page. */
export async function dropHandle(page, target, file) {
  const dataTransfer = await page.evaluateHandle((dropped) => {
    const transfer = new DataTransfer();
    transfer.items.add(dropped);
    return transfer;
  }, file);
  for (const event of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(event, { dataTransfer });
}

/** Text pasted into an element of the page. */
export function pasteText(target, text) {
  return target.evaluate((element, pasted) => {
    element.focus();
    const data = new DataTransfer();
    data.setData('text/plain', pasted);
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

/** A picture in the library. */
export const item = (page, id) => page.locator(`[data-testid=library-item][data-id="${id}"]`);

/** A caption that is found by these words. */
export const captionOn = (text) => ({ ...CAPTION, high_level_description: text });

export async function drawAll(stack, items) {
  const whole = items.map((x) => ({ width: 256, height: 256, preset: 'V4_TURBO_12', format: 'png', ...x }));
  const { jobs } = await stack.api('/api/queue', { items: whole });
  return Promise.all(jobs.map((job) => stack.finished(job.id)));
}
