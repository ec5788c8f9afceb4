// Layout, palette, undo: C25 to C30.
import assert from 'node:assert/strict';
import { mode } from './acts.mjs';
import { bandsPng } from './files.mjs';
import { eventually, scenario } from './harness.mjs';
import {
  assertBoxes,
  bboxOf,
  boxAt,
  boxesOf,
  canvasPoint,
  captionOf,
  drag,
  dropFile,
  fingers,
  listen,
  pasteText,
  textOf,
  writeJson,
} from './steps.mjs';

const element = (desc, bbox) => ({ type: 'obj', ...(bbox && { bbox }), desc });
const captionWith = (...elements) =>
  JSON.stringify({
    high_level_description: 'A table with fruit.',
    compositional_deconstruction: { background: 'grey', elements },
  });

async function sameAsCaption(page) {
  const shown = await boxesOf(page);
  const { elements } = (await captionOf(page)).compositional_deconstruction;
  assert.deepEqual(shown.map((b) => b.bbox), elements.filter((e) => e.bbox).map((e) => e.bbox));
  await mode(page, 'layout');
}

const chosen = (page) => page.locator('[data-testid=box][aria-selected=true]').getAttribute('data-index');

// Which edges a handle may move: top, left, bottom, right.
const HANDLES = { nw: [0, 1], n: [0], ne: [0, 3], e: [3], se: [2, 3], s: [2], sw: [2, 1], w: [1] };

scenario('C25 boxes by mouse', async ({ page }) => {
  await mode(page, 'layout');
  await drag(page, [110, 120], [480, 470]);
  await boxAt(page, 0).waitFor();
  await drag(page, [790, 830], [330, 310]);
  await boxAt(page, 1).waitFor();
  assertBoxes(await boxesOf(page), 2);
  await drag(page, [350, 350], [450, 440], { keys: ['Control'] }); // begins on top of both
  await boxAt(page, 2).waitFor();
  assertBoxes(await boxesOf(page), 3);
  await page.keyboard.press('Delete');
  await boxAt(page, 2).waitFor({ state: 'detached' });

  // Alt-click goes through those that lie under the pointer, again and again.
  const both = await canvasPoint(page, 400, 400);
  const seen = [];
  for (let i = 0; i < 4; i++) {
    const before = await chosen(page);
    await page.keyboard.down('Alt');
    await page.mouse.click(both.x, both.y);
    await page.keyboard.up('Alt');
    seen.push(await eventually('another box is chosen', async () => {
      const now = await chosen(page);
      return now === before ? undefined : now;
    }));
  }
  assert.deepEqual(new Set(seen), new Set(['0', '1']));
  assert.equal(seen[0], seen[2]);
  assert.equal(seen[1], seen[3]);

  // Every handle moves its edges and no others.
  const free = await canvasPoint(page, 150, 160);
  await page.mouse.click(free.x, free.y);
  for (const [handle, edges] of Object.entries(HANDLES)) {
    const before = await bboxOf(page, 0);
    const place = await page.locator(`[data-handle=${handle}]`).boundingBox();
    const x = place.x + place.width / 2;
    const y = place.y + place.height / 2;
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.keyboard.down('Control'); // no snapping
    await page.mouse.move(x + 9, y + 9, { steps: 3 });
    await page.mouse.up();
    await page.keyboard.up('Control');
    const after = await bboxOf(page, 0);
    const moved = [0, 1, 2, 3].filter((i) => before[i] !== after[i]);
    assert.deepEqual(moved, edges.toSorted(), `${handle}: ${before} to ${after}`);
    assertBoxes(await boxesOf(page), 2);
  }

  // Near an edge of the canvas a guide shows, and the box lies exactly on it.
  const [top, left] = await bboxOf(page, 0);
  await drag(page, [left + 30, top + 30], [34, top + 30], {
    between: () => page.getByTestId('guide').first().waitFor(),
  });
  await eventually('the box is on the edge', async () => (await bboxOf(page, 0))[1] === 0);
  await page.getByTestId('guide').first().waitFor({ state: 'detached' });

  // Fields and canvas are the same, both ways; the minimum holds.
  const field = page.getByTestId('box-top');
  await field.fill('205');
  await field.press('Enter');
  await eventually('the typed edge is on the canvas', async () => (await bboxOf(page, 0))[0] === 205);
  const shown = await boxAt(page, 0).boundingBox();
  const corner = await canvasPoint(page, 0, 205);
  assert.ok(Math.abs(shown.y - corner.y) <= 1 && Math.abs(shown.x - corner.x) <= 1);
  await page.getByTestId('box-bottom').fill('3');
  await page.getByTestId('box-bottom').press('Enter');
  assertBoxes(await boxesOf(page), 2);
  const now = await bboxOf(page, 0);
  for (const [i, edge] of ['top', 'left', 'bottom', 'right'].entries()) {
    assert.equal(Number(await page.getByTestId(`box-${edge}`).inputValue()), now[i]);
  }

  // Another size of the picture: the boxes keep their relative places.
  const before = await boxesOf(page);
  await page.getByTestId('size-w').fill('512');
  await page.getByTestId('size-w').press('Enter');
  await page.getByTestId('size-h').fill('1024');
  await page.getByTestId('size-h').press('Enter');
  await eventually('the canvas has the new shape', async () => {
    const { width, height } = await page.locator('[data-canvas]').boundingBox();
    return Math.abs(height / width - 2) < 0.02;
  });
  assert.deepEqual(await boxesOf(page), before);
  await sameAsCaption(page);
});

scenario('C26 boxes by keyboard and screen reader', async ({ page }) => {
  await mode(page, 'layout');
  const heard = await listen(page);
  await page.getByRole('button', { name: 'Add object' }).press('Enter');
  await boxAt(page, 0).waitFor();
  await eventually('the new box has the focus', () => boxAt(page, 0).evaluate((b) => b === document.activeElement));
  const before = await bboxOf(page, 0);
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  await press('ArrowRight', 3);
  await press('Shift+ArrowDown', 2);
  await press('Control+ArrowLeft');
  const by = [20, 3 - 50, 20, 3 - 50];
  assert.deepEqual(await bboxOf(page, 0), before.map((n, i) => n + by[i]));
  await press('Alt+ArrowRight', 4);
  await press('Alt+Shift+ArrowUp', 3);
  const sized = before.map((n, i) => n + by[i] + [0, 0, -30, 4][i]);
  assert.deepEqual(await bboxOf(page, 0), sized);
  await eventually('the movement was said', async () => (await heard()).some((x) => x.text.includes('%')));

  // The same by mouse, from the same beginning.
  await page.getByRole('button', { name: 'Add text' }).press('Enter');
  await boxAt(page, 1).waitFor();
  assert.deepEqual(await bboxOf(page, 1), before);
  await eventually('the new box has the focus', () => boxAt(page, 1).evaluate((b) => b === document.activeElement));
  await press('Control+d');
  await boxAt(page, 2).waitFor();
  await press('Delete');
  await boxAt(page, 2).waitFor({ state: 'detached' });
  await eventually('the focus is on a box', () =>
    page.evaluate(() => document.activeElement?.getAttribute('data-testid') === 'box'),
  );

  // Names: kind, text, position.
  await page.getByTestId('element-text').fill('SALE');
  await page.getByTestId('element-desc').fill('red letters');
  await page.getByRole('option', { name: /^text 'SALE', top [\d.]+ %, left [\d.]+ %, [\d.]+ × [\d.]+ %/ }).waitFor();
  await page.getByRole('option', { name: /^object '.+', top [\d.]+ %, left [\d.]+ %, [\d.]+ × [\d.]+ %/ }).waitFor();

  // Tab goes from box to box; the order of the caption can be changed; a locked box stays.
  await boxAt(page, 0).focus();
  await press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.index), '1');
  await press('[');
  await page.getByRole('option', { name: /^text 'SALE'/ }).and(boxAt(page, 0)).waitFor();
  await eventually('the focus went along', () => boxAt(page, 0).evaluate((b) => b === document.activeElement));
  await press(']');
  await page.getByRole('option', { name: /^text 'SALE'/ }).and(boxAt(page, 1)).waitFor();
  await eventually('the focus went along', () => boxAt(page, 1).evaluate((b) => b === document.activeElement));
  const locked = await bboxOf(page, 1);
  await press('l');
  await page.getByRole('option', { name: /SALE.*locked/ }).waitFor();
  await press('ArrowRight', 2);
  assert.deepEqual(await bboxOf(page, 1), locked);
  await press('l');
  await press('ArrowRight');
  assert.equal((await bboxOf(page, 1))[1], locked[1] + 1);

  // By mouse as by keys.
  const [top, left] = await bboxOf(page, 1);
  await drag(page, [left + 50, top + 50], [left + 150, top + 100], { keys: [] });
  const dragged = await bboxOf(page, 1);
  await page.getByTestId('undo').click();
  await boxAt(page, 1).focus();
  for (const [key, n] of [['ArrowRight', dragged[1] - left], ['ArrowDown', dragged[0] - top]]) {
    const way = n >= 0 ? key : { ArrowRight: 'ArrowLeft', ArrowDown: 'ArrowUp' }[key];
    await press(`Control+${way}`, Math.floor(Math.abs(n) / 50));
    await press(`Shift+${way}`, Math.floor((Math.abs(n) % 50) / 10));
    await press(way, Math.abs(n) % 10);
  }
  assert.deepEqual(await bboxOf(page, 1), dragged);
  await press('Delete');
  await boxAt(page, 1).waitFor({ state: 'detached' });
  await eventually('the neighbour has the focus', () => boxAt(page, 0).evaluate((b) => b === document.activeElement));

  await eventually('the deletion was said', async () => (await heard()).at(-1).text.includes('removed'));
  const said = await heard();
  for (let i = 1; i < said.length; i++) {
    assert.ok(said[i].at - said[i - 1].at >= 495, JSON.stringify(said.slice(i - 1, i + 1)));
  }
});

scenario('C27 boxes by touch', { viewport: 'phone' }, async ({ page }) => {
  await writeJson(page, captionWith(
    element('an apple', [100, 100, 400, 400]),
    element('a pear', [500, 100, 800, 400]),
    element('a plum', [500, 550, 800, 900]),
  ));
  await mode(page, 'layout');
  const stage = page.getByRole('button', { name: 'Stage' }).or(page.getByRole('tab', { name: 'Stage' }));
  if (await stage.first().isVisible()) await stage.first().click();
  await boxAt(page, 0).waitFor();
  const touch = await fingers(page);
  const scrolled = () =>
    page.evaluate(() => [...document.querySelectorAll('*')].reduce((sum, e) => sum + e.scrollTop + e.scrollLeft, window.scrollY));

  const before = await scrolled();
  const from = await canvasPoint(page, 250, 250);
  const to = await canvasPoint(page, 350, 330);
  await touch.down(from);
  for (let i = 1; i <= 5; i++) {
    await touch.move({ x: from.x + ((to.x - from.x) * i) / 5, y: from.y + ((to.y - from.y) * i) / 5 });
  }
  await touch.up();
  await eventually('the box was dragged', async () => {
    const [top, left] = await bboxOf(page, 0);
    return top > 140 && left > 160;
  });
  assert.equal(await scrolled(), before);

  // What the hand must hit.
  await page.getByTestId('handle').first().waitFor();
  for (const place of await page.getByTestId('handle').evaluateAll((all) => all.map((h) => h.getBoundingClientRect().toJSON()))) {
    assert.ok(place.width >= 44 && place.height >= 44, JSON.stringify(place));
  }

  // Two fingers zoom and change no box.
  const boxes = await boxesOf(page);
  const { width } = await page.locator('[data-canvas]').boundingBox();
  const middle = await canvasPoint(page, 500, 450);
  const spread = (by) => [{ x: middle.x - by, y: middle.y }, { x: middle.x + by, y: middle.y }];
  await touch.down(...spread(30));
  for (const by of [40, 50, 60, 70]) await touch.move(...spread(by));
  await touch.up();
  await eventually('the canvas is larger', async () => (await page.locator('[data-canvas]').boundingBox()).width > width * 1.5);
  assert.deepEqual(await boxesOf(page), boxes);
  await page.getByRole('button', { name: 'Fit' }).click();

  // A finger that rests opens the menu of what is below it.
  await touch.down(await canvasPoint(page, 250, 650));
  await page.getByRole('menu').waitFor();
  await touch.up();
  await page.getByRole('menuitem', { name: 'Duplicate' }).click();
  await boxAt(page, 3).waitFor();
});

scenario('C28 JSON to canvas and back', async ({ page }) => {
  const bare = (desc) => `    {"desc": ${JSON.stringify(desc)}, "type": "obj"}`;
  const boxed = (desc, box) => `    {"type":"obj",   "bbox": [${box.join(', ')}], "desc": ${JSON.stringify(desc)}, "extra": 1.50}`;
  const places = [
    [0, 0, 200, 200],
    [10, 300, 210, 505],
    [300, 20, 555, 333],
    [300, 400, 500, 600],
    [600, 100, 900, 400],
    [600, 500, 1000, 1000],
  ];
  const rows = places.map((box, i) => boxed(`thing ${i}`, box));
  rows.splice(2, 0, bare('loose one'));
  rows.push(bare('loose two'));
  const text = `{\n  "compositional_deconstruction": {"elements": [\n${rows.join(',\n')}\n  ], "background":"wood"},\n  "unknown": {"kept": true},\n  "high_level_description": "Eight things."\n}\n`;
  await writeJson(page, text);
  await mode(page, 'layout');
  await boxAt(page, 0).waitFor();
  assert.equal(await page.getByTestId('layer').count(), 8);
  const boxes = await boxesOf(page);
  assert.deepEqual(boxes.map((b) => b.bbox), places);
  const canvas = await page.locator('[data-canvas]').boundingBox();
  for (const { index, bbox } of boxes) {
    const shown = await boxAt(page, index).boundingBox();
    const wanted = [
      canvas.y + (bbox[0] * canvas.height) / 1000,
      canvas.x + (bbox[1] * canvas.width) / 1000,
      ((bbox[2] - bbox[0]) * canvas.height) / 1000,
      ((bbox[3] - bbox[1]) * canvas.width) / 1000,
    ];
    const found = [shown.y, shown.x, shown.height, shown.width];
    for (let i = 0; i < 4; i++) assert.ok(Math.abs(found[i] - wanted[i]) <= 1, `${index}: ${found} for ${wanted}`);
  }
  const unplaced = [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => !boxes.some((b) => b.index === i));
  assert.deepEqual(unplaced, [2, 7]);

  await drag(page, [200, 400], [290, 460]);
  const moved = await bboxOf(page, boxes.find((b) => b.bbox.join() === '300,20,555,333').index);
  assert.notDeepEqual(moved, places[2]);
  const after = await textOf(page);
  // Only its four numbers are others.
  const old = text.replace('300, 20, 555, 333', '#');
  assert.equal(after.replace(/\[\s*\d+,\s*\d+,\s*\d+,\s*\d+\s*\]/g, (m) => (m.replace(/\D+/g, ',') === `,${moved.join()},` ? '[#]' : m)), old);
  await page.getByTestId('undo').click();
  assert.equal(await textOf(page), text);
});

scenario('C29 palette', async ({ page }) => {
  await writeJson(page, captionWith(element('an apple', [100, 100, 400, 400])));
  await mode(page, 'form');
  const colours = (root) => root.getByTestId('palette-swatch').evaluateAll((all) => all.map((s) => s.dataset.colour));
  // The style's own palette is not inside of an element's card.
  const style = page.locator('[data-testid=palette-text]:not([data-testid=element-card] *)');
  const whole = page.locator('div:has(> [data-testid=palette-text]):not([data-testid=element-card] *)');
  await pasteText(style, '#abc, red, 1A1A1A, #ABC, nonsense');
  await eventually('three colours', async () => (await colours(whole)).length === 3);
  assert.deepEqual(await colours(whole), ['#AABBCC', '#FF0000', '#1A1A1A']);
  const message = page.getByText('No colours: nonsense');
  await message.waitFor();
  assert.equal(await message.count(), 1);

  // By keys to another place; the caption follows.
  await whole.getByTestId('palette-swatch').first().focus();
  await page.keyboard.press('Alt+ArrowRight');
  await eventually('the order is another', async () => (await colours(whole))[1] === '#AABBCC');
  await page.keyboard.press('Alt+ArrowRight');
  await eventually('it is the last', async () => (await colours(whole))[2] === '#AABBCC');
  assert.deepEqual((await captionOf(page)).style_description.color_palette, ['#FF0000', '#1A1A1A', '#AABBCC']);
  await mode(page, 'form');

  // One more than there may be.
  const many = Array.from({ length: 17 }, (_, i) => `#0000${(i + 16).toString(16)}`).join(' ');
  await style.fill('');
  await style.press('Enter');
  await pasteText(style, many);
  await page.getByText('At most 16 colours').waitFor();
  assert.equal((await colours(whole)).length, 16);
  const card = page.getByTestId('element-card').first();
  const more = card.getByRole('button', { name: /palette|colours/i });
  if (!(await card.getByTestId('palette-text').isVisible()) && (await more.count()) > 0) await more.first().click();
  await pasteText(card.getByTestId('palette-text'), '#111111 #222222 #333333 #444444 #555555 #666666');
  await card.getByText('At most 5 colours').waitFor();
  assert.equal((await colours(card)).length, 5);

  // Colours of a picture.
  await style.fill('');
  await style.press('Enter');
  await eventually('no colour', async () => (await colours(whole)).length === 0);
  await dropFile(page, style, { name: 'bands.png', type: 'image/png', bytes: bandsPng(64) });
  const found = await eventually('colours of the picture', async () => {
    const all = await colours(whole);
    return all.length > 0 ? all : undefined;
  });
  assert.ok(found.length >= 3 && found.length <= 16, found.join());
  for (const colour of found) assert.match(colour, /^#[0-9A-F]{6}$/);
  assert.deepEqual((await captionOf(page)).style_description.color_palette, found);
});

// Fixed pseudo-random numbers.
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

scenario('C30 undo and redo', { timeout: 300_000 }, async ({ page }) => {
  const written = { high_level_description: 'Magic answer.', compositional_deconstruction: { background: 'sea', elements: [element('a boat', [200, 200, 700, 700])] } };
  await page.route('**/api/magic-prompt/status', (route) => route.fulfill({ json: { enabled: true, configured: true, model: 'test', llm_reachable: true } }));
  await page.route('**/api/magic-prompt', (route) => route.fulfill({ json: { caption: written, model: 'test' } }));
  await page.reload();
  const start = captionWith(element('an apple', [100, 100, 400, 400]), { type: 'text', bbox: [500, 100, 700, 900], text: 'HI', desc: 'letters' });
  await writeJson(page, start);
  const settings = () =>
    page.evaluate(() => ['size-w', 'size-h', 'seed', 'preset', 'format'].map((id) => document.querySelector(`[data-testid=${id}]`).value));
  const state = async () => JSON.stringify([await textOf(page), await settings()]);
  const undo = page.getByTestId('undo');
  const redo = page.getByTestId('redo');
  const isDone = async (button) => (await button.getAttribute('aria-disabled')) === 'true';
  const first = await state();

  const roll = dice(30);
  const boxed = async () => {
    await mode(page, 'layout');
    if ((await page.getByTestId('box').count()) === 0) {
      await page.getByRole('button', { name: 'Add object' }).click();
      await page.getByTestId('box').first().waitFor();
    }
    const all = await boxesOf(page);
    return all[roll(all.length)].index;
  };
  const edits = [
    async (i) => {
      await mode(page, 'form');
      await page.getByTestId('field-hld').fill(`Description ${i}`);
    },
    async (i) => {
      await mode(page, 'form');
      await page.getByTestId('field-bg').fill(`background ${i}`);
    },
    async () => {
      await boxAt(page, await boxed()).focus();
      await page.keyboard.press(['Control+ArrowRight', 'Shift+ArrowDown', 'ArrowLeft', 'Alt+ArrowRight'][roll(4)]);
    },
    async () => {
      await boxAt(page, await boxed()).focus();
      await page.keyboard.press('Control+d');
    },
    async (i) => {
      await mode(page, 'form');
      const palette = page.locator('[data-testid=palette-text]:not([data-testid=element-card] *)');
      await pasteText(palette, `#0000${(i + 16).toString(16)}`);
    },
    async () => {
      await page.getByTestId('size-w').fill(String(256 + 64 * roll(8)));
      await page.getByTestId('size-w').press('Enter');
    },
    async () => {
      await page.getByTestId('seed').fill(String(roll(100000)));
      await page.getByTestId('seed').press('Enter');
    },
    async (i) => writeJson(page, captionWith(element(`pasted ${i}`, [i, i, 500, 500]))),
    async (i) => {
      await mode(page, 'quick');
      await page.getByTestId('quick-text').fill(`Wish ${i}`);
      await page.getByTestId('quick-expand').click();
      await eventually('Magic Prompt has written', async () => (await textOf(page)).includes('Magic answer.'));
    },
  ];
  for (let i = 0; i < 60; i++) await edits[i < edits.length ? i : roll(edits.length)](i);
  const last = await state();
  assert.notEqual(last, first);

  let steps = 0;
  for (; !(await isDone(undo)) && (await state()) !== first; steps++) await undo.click();
  assert.equal(await state(), first);
  assert.ok(steps >= 30 && steps <= 200, `${steps} steps`);
  for (let i = 0; i < steps; i++) await redo.click();
  assert.equal(await state(), last);
  assert.ok(await isDone(redo));

  // After a reload at most the last 50 steps are there.
  await page.reload();
  await page.getByTestId('undo').waitFor();
  await eventually('the draft is back', async () => (await state()) === last);
  await eventually('the history is back', async () => !(await isDone(undo)));
  let back = 0;
  for (; !(await isDone(undo)); back++) await undo.click();
  assert.ok(back >= 40 && back <= 50, `${back} steps after the reload`);
  const reached = await state();
  if (steps < back) assert.notEqual(reached, last);
  for (let i = 0; i < back; i++) await redo.click();
  assert.equal(await state(), last);
});
