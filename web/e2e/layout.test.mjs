// Layout, palette, undo: C25 to C30.
import assert from 'node:assert/strict';
import { mode, size } from './acts.mjs';
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

/** Where the handles are that a finger can hit, each large enough for it. */
async function handlePlaces(page) {
  await page.getByTestId('handle').first().waitFor();
  const places = await page
    .getByTestId('handle')
    .evaluateAll((all) => all.filter((h) => h.checkVisibility()).map((h) => h.getBoundingClientRect().toJSON()));
  for (const { width, height } of places) assert.ok(width >= 44 && height >= 44, `${width} × ${height}`);
  return places;
}

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
  assert.ok((await handlePlaces(page)).length >= 4);

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

const SELECTED = '[data-testid=box][aria-selected=true]';
const selectedBoxes = (page) =>
  page.locator(SELECTED).evaluateAll((all) => all.map((box) => Number(box.dataset.index)).toSorted());

/** Opens a fold of the layout mode. */
async function unfold(page, name) {
  const fold = page.locator('details', { has: page.getByText(name, { exact: true }) });
  if (!(await fold.evaluate((d) => d.open))) await fold.locator('summary').click();
  return fold;
}

scenario('B3 shapes are kept when the size changes, if one wants it', async ({ page }) => {
  await writeJson(page, captionWith(element('an apple', [100, 100, 400, 400]), element('a pear', [500, 500, 700, 900])));
  await mode(page, 'layout');
  await size(page, 512, 512);
  await boxAt(page, 1).waitFor();
  const before = await boxesOf(page);
  const chip = (ratio) => page.locator(`[data-testid=size-chip][data-ratio=${ratio}]`);
  await chip('ultrawide').click();
  assert.deepEqual(await boxesOf(page), before, 'without the wish, boxes keep their relative places');
  await page.getByTestId('undo').click();

  const canvas = await unfold(page, 'Canvas');
  await canvas.getByRole('checkbox', { name: /^Keep the shapes/ }).check();
  const shapes = () =>
    page.getByTestId('box').evaluateAll((all) =>
      all.map((box) => {
        const { width, height } = box.getBoundingClientRect();
        return width / height;
      }),
    );
  const wanted = await shapes();
  await chip('ultrawide').click();
  await eventually('the boxes have changed', async () => (await bboxOf(page, 0)).join() !== before[0].bbox.join());
  assertBoxes(await boxesOf(page), 2);
  await eventually('the shapes are the same', async () =>
    (await shapes()).every((shape, i) => Math.abs(shape / wanted[i] - 1) < 0.05),
  );
  await chip('square').click();
  await eventually('back is back', async () => JSON.stringify(await boxesOf(page)) === JSON.stringify(before));
  await page.getByTestId('undo').click();
  await page.getByTestId('undo').click(); // each was one step, boxes and size
  assert.deepEqual(await boxesOf(page), before);
  assert.equal(await page.getByTestId('size-w').inputValue(), '512');
});

scenario('B3 the canvas: marquee, writing in place, marks, what is not placed', async ({ page }) => {
  const texts = [
    { type: 'text', bbox: [100, 100, 300, 600], text: 'FIRST', desc: 'the word FIRST in navy' },
    { type: 'text', bbox: [250, 400, 450, 900], text: 'SECOND', desc: 'the word SECOND in red' },
  ];
  await writeJson(page, captionWith(...texts, element('a pear', [700, 100, 900, 300]), element('a bee')));
  await mode(page, 'layout');

  // Two texts on each other are hatched and marked, on the boxes as in the list, until they are apart.
  await page.getByTestId('overlap').waitFor();
  await page.locator('[data-testid=box][data-index="0"][data-level=warning]').waitFor();
  await page.locator('[data-testid=layer][data-layer="1"][data-level=warning]').waitFor();
  await page.getByRole('option', { name: /^text 'SECOND'.*Warning$/ }).waitFor();
  await drag(page, [800, 400], [800, 560], { between: () => page.getByTestId('overlap').waitFor({ state: 'detached' }) });
  await eventually('the marks are gone', async () => (await page.locator('[data-testid=box][data-level]').count()) === 0);

  // With Shift from an empty place, what the frame touches is chosen too.
  const empty = await canvasPoint(page, 40, 500);
  await page.mouse.click(empty.x, empty.y);
  await eventually('nothing is chosen', async () => (await selectedBoxes(page)).length === 0);
  await drag(page, [40, 660], [350, 950], { keys: ['Shift'] });
  await eventually('the pear is chosen', async () => (await selectedBoxes(page)).join() === '2');
  await drag(page, [40, 40], [200, 150], { keys: ['Shift'] });
  await eventually('the first is chosen as well', async () => (await selectedBoxes(page)).join() === '0,2');
  await page.getByRole('region', { name: '2 elements selected' }).waitFor();

  // Writing where it stands: Esc leaves it, Enter keeps it.
  const first = await canvasPoint(page, 200, 220);
  await page.mouse.dblclick(first.x, first.y);
  const area = page.getByTestId('in-place');
  assert.equal(await area.inputValue(), 'FIRST');
  await area.fill('NOT THIS');
  await area.press('Escape');
  await area.waitFor({ state: 'detached' });
  await eventually('the box has the focus', () => boxAt(page, 0).evaluate((b) => b === document.activeElement));
  await page.keyboard.press('Enter');
  await area.fill('THIRD');
  await area.press('Enter');
  await page.getByRole('option', { name: /^text 'THIRD'/ }).waitFor();

  // An element without a box is dragged onto the canvas, where it shows on the way.
  await page.locator('[data-layer="3"]').scrollIntoViewIfNeeded();
  const grip = await page.locator('[data-layer="3"] [data-grip]').boundingBox();
  const place = await canvasPoint(page, 700, 740);
  const bee = async (until) => {
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    await page.mouse.down();
    await page.mouse.move(place.x + 20, place.y, { steps: 3 });
    await page.mouse.move(place.x, place.y, { steps: 3 });
    await page.getByTestId('made').waitFor();
    await until();
    await page.mouse.up();
    await page.getByTestId('made').waitFor({ state: 'detached' });
  };
  await bee(() => page.keyboard.press('Escape'));
  assert.equal(await boxAt(page, 3).count(), 0);
  await bee(() => {});
  const [top, left, bottom, right] = await bboxOf(page, 3);
  assert.ok(Math.abs((left + right) / 2 - 700) <= 3 && Math.abs((top + bottom) / 2 - 740) <= 3, `${[top, left, bottom, right]}`);
  await eventually('it is chosen', async () => (await selectedBoxes(page)).join() === '3');

  // A lock goes along with its element, also when a step is taken back.
  await boxAt(page, 2).focus();
  await page.keyboard.press('l');
  await page.getByRole('option', { name: /pear.*locked/ }).waitFor();
  await page.keyboard.press('[');
  await page.getByRole('option', { name: /pear.*locked/ }).and(boxAt(page, 1)).waitFor();
  await page.getByTestId('undo').click();
  await page.getByRole('option', { name: /pear.*locked/ }).and(boxAt(page, 2)).waitFor();

  // The menu of an empty place adds there.
  const here = await canvasPoint(page, 250, 500);
  await page.mouse.click(here.x, here.y, { button: 'right' });
  await page.getByRole('menuitem', { name: 'Add text' }).click();
  await eventually('the text is where one pointed', async () => {
    const [t0, l0, b0, r0] = await bboxOf(page, 4);
    return Math.abs((l0 + r0) / 2 - 250) <= 2 && Math.abs((t0 + b0) / 2 - 500) <= 2;
  });
  await page.getByTestId('undo').click();
  await boxAt(page, 4).waitFor({ state: 'detached' });

  // Two clicks there make a box of the usual size.
  await page.mouse.dblclick(here.x, here.y);
  await boxAt(page, 4).waitFor();
  await page.getByTestId('undo').click();
  await boxAt(page, 4).waitFor({ state: 'detached' });

  // What one draws one sees, even if boxes were hidden.
  await boxAt(page, 2).focus();
  await page.keyboard.press('h');
  await page.getByTestId('box').first().waitFor({ state: 'detached' });
  await drag(page, [30, 600], [80, 680]);
  await boxAt(page, 4).waitFor();
});

scenario('B3 drags with Shift and Alt, copies', async ({ page }) => {
  await writeJson(page, captionWith(element('an apple', [200, 200, 400, 600]), element('a pear', [700, 700, 900, 900])));
  await mode(page, 'layout');
  await boxAt(page, 0).waitFor();
  await drag(page, [400, 300], [400, 300]);
  const pull = async (handle, by, keys) => {
    const place = await page.locator(`[data-handle=${handle}]`).boundingBox();
    const [x, y] = [place.x + place.width / 2, place.y + place.height / 2];
    const canvas = await page.locator('[data-canvas]').boundingBox();
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (const key of [...keys, 'Control']) await page.keyboard.down(key); // Control: no snapping
    await page.mouse.move(x + (canvas.width * by[0]) / 1000, y + (canvas.height * by[1]) / 1000, { steps: 4 });
    await page.mouse.up();
    for (const key of [...keys, 'Control']) await page.keyboard.up(key);
    return bboxOf(page, 0);
  };
  const near = (found, wanted) => found.forEach((n, i) => assert.ok(Math.abs(n - wanted[i]) <= 3, `${found} for ${wanted}`));
  near(await pull('se', [100, 0], ['Shift']), [200, 200, 450, 700]);
  await page.getByTestId('undo').click();
  near(await pull('e', [50, 0], ['Alt']), [200, 150, 400, 650]);
  await page.getByTestId('undo').click();

  // With Alt a copy is dragged away, and the first one stays.
  await drag(page, [400, 300], [400, 560], { keys: ['Alt'] });
  await boxAt(page, 2).waitFor();
  near(await bboxOf(page, 0), [200, 200, 400, 600]);
  const copy = await bboxOf(page, 2);
  near([copy[2] - copy[0], copy[3] - copy[1]], [200, 400]);
  assert.ok(copy[0] > 430, copy.join());

  await boxAt(page, 1).focus();
  await page.keyboard.press('Control+c');
  await page.keyboard.press('Control+v');
  await boxAt(page, 3).waitFor();
  await page.getByRole('option', { name: /^object 'a pear'/ }).and(boxAt(page, 3)).waitFor();
  await eventually('the copy has the focus', () => boxAt(page, 3).evaluate((b) => b === document.activeElement));
  await page.keyboard.press('Control+a');
  await eventually('all are chosen', async () => (await selectedBoxes(page)).length === 4);
  await page.keyboard.press('Delete');
  await page.getByTestId('box').first().waitFor({ state: 'detached' });
  await page.getByTestId('undo').click();
  await boxAt(page, 3).waitFor();
});

scenario('B3 small boxes can still be dragged by a finger', { viewport: 'phone' }, async ({ page }) => {
  await writeJson(page, captionWith(element('a bee', [400, 400, 470, 500])));
  await mode(page, 'layout');
  await page.getByRole('button', { name: 'Stage' }).or(page.getByRole('tab', { name: 'Stage' })).first().click();
  await boxAt(page, 0).waitFor();
  const touch = await fingers(page);
  await touch.down(await canvasPoint(page, 450, 435));
  await touch.up();
  await page.getByTestId('handle').first().waitFor();
  const before = await bboxOf(page, 0);
  const from = await canvasPoint(page, 450, 435);
  await touch.down(from);
  for (let i = 1; i <= 5; i++) await touch.move({ x: from.x - 10 * i, y: from.y + 8 * i });
  await touch.up();
  await eventually('the box is elsewhere', async () => (await bboxOf(page, 0))[1] < before[1] - 50);
  const after = await bboxOf(page, 0);
  assert.equal(after[3] - after[1], before[3] - before[1]);
  assert.equal(after[2] - after[0], before[2] - before[0]);
  assert.equal((await handlePlaces(page)).length, 4);
});

scenario('B3 own templates', async ({ page }) => {
  const poster = [element('a lamp', [300, 100, 900, 900]), { type: 'text', bbox: [50, 100, 200, 900], text: 'SALE', desc: 'the word SALE' }];
  await writeJson(page, captionWith(...poster));
  await mode(page, 'layout');
  await boxAt(page, 1).waitFor();
  const before = await boxesOf(page);
  const templates = await unfold(page, 'Templates');
  await templates.getByRole('button', { name: 'Save this layout' }).click();
  await page.keyboard.type('My sale');
  await templates.getByRole('checkbox', { name: 'Keep texts and descriptions' }).check();
  await page.keyboard.press('Enter');
  await templates.getByRole('button', { name: 'My sale', exact: true }).waitFor();

  await page.reload();
  await writeJson(page, captionWith());
  await mode(page, 'layout');
  await unfold(page, 'Templates');
  await page.getByRole('button', { name: 'My sale', exact: true }).click();
  await eventually('the boxes are those that were saved', async () => JSON.stringify(await boxesOf(page)) === JSON.stringify(before));
  assert.deepEqual((await captionOf(page)).compositional_deconstruction.elements, poster);
  await mode(page, 'layout');

  // Another one's boxes: what the elements say stays with them.
  await unfold(page, 'Templates');
  await page.getByRole('button', { name: 'Poster', exact: true }).click();
  await eventually('the boxes are others', async () => JSON.stringify(await boxesOf(page)) !== JSON.stringify(before));
  const said = (await captionOf(page)).compositional_deconstruction.elements.map((e) => e.text ?? e.desc);
  assert.ok(said.includes('a lamp') && said.includes('SALE'), said.join());
  await mode(page, 'layout');
  await unfold(page, 'Templates');
  await page.getByRole('button', { name: 'My sale', exact: true }).hover();
  await page.getByRole('button', { name: 'Delete My sale' }).click();
  await page.getByRole('button', { name: 'My sale', exact: true }).waitFor({ state: 'detached' });
});

scenario('B10 the menu of the last steps', async ({ page }) => {
  await writeJson(page, captionWith(element('an apple', [100, 100, 400, 400])));
  await mode(page, 'form');
  const background = page.getByTestId('field-bg');
  await background.fill('');
  await background.pressSequentially('a wide green meadow under a pale evening sky with some clouds');
  await mode(page, 'layout');
  await page.getByRole('button', { name: 'Add text' }).click();
  await boxAt(page, 1).waitFor();
  await page.keyboard.press('Delete');
  await boxAt(page, 1).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Last steps' }).click();
  const names = await page.getByRole('menuitem').allInnerTexts();
  assert.ok(names.length >= 4, names.join());
  assert.notEqual(names[0], names[1]);
  await page.getByRole('menuitem').nth(1).click(); // back to before the element was added
  await page.getByTestId('layer').nth(1).waitFor({ state: 'detached' });
  await page.getByTestId('redo').click();
  await boxAt(page, 1).waitFor();
  await page.getByTestId('undo').click();

  // Typing comes back by words.
  await mode(page, 'form');
  await page.getByTestId('undo').click();
  const rest = await background.inputValue();
  assert.ok(rest.endsWith(' ') && 'a wide green meadow under a pale evening sky with some clouds'.startsWith(rest), rest);
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
