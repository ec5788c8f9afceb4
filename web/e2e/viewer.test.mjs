// The viewer, and what pictures carry: C33 to C35.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mode, pixels, put, generate, toast } from './acts.mjs';
import { bandsPng, loraFile, upscaler } from './files.mjs';
import { CAPTION, eventually, scenario } from './harness.mjs';
import { boxesOf, captionOf, dropFile, dropHandle, captionOn, drawAll, item, textOf, writeJson } from './steps.mjs';

scenario('C33 viewer and compare', async ({ page, stack }) => {
  const pair = captionOn('The same.');
  const jobs = await drawAll(stack, [
    { caption: captionOn('Another.'), seed: 1 },
    { caption: pair, seed: 2 },
    { caption: captionOn('A third.'), seed: 3 },
    { caption: pair, seed: 4, preset: 'V4_DEFAULT_20' },
    { caption: captionOn('A fifth.'), seed: 5 },
  ]);
  const ids = jobs.map((job) => job.image_id).toSorted((a, b) => b - a);
  await page.goto(`${stack.url}/library`);
  await item(page, ids[1]).click();
  const counter = (text) => page.getByTestId('viewer-counter').filter({ hasText: text }).waitFor();
  const previous = page.getByRole('button', { name: 'Previous picture' });
  const next = page.getByRole('button', { name: 'Next picture' });
  await counter('2 / 5');
  await page.keyboard.press('ArrowLeft');
  await counter('1 / 5');
  assert.ok(await previous.isDisabled());
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await counter('3 / 5');
  assert.ok((await previous.isEnabled()) && (await next.isEnabled()));
  await page.keyboard.press('End');
  await counter('5 / 5');
  assert.ok(await next.isDisabled());
  await page.keyboard.press('Home');
  await counter('1 / 5');

  // Zooming keeps the point under the pointer.
  const stage = page.getByTestId('viewer-stage');
  const picture = stage.getByRole('img');
  const scale = async () => Number(await stage.getAttribute('data-scale'));
  const area = await picture.boundingBox();
  const at = { x: area.x + area.width * 0.3, y: area.y + area.height * 0.6 };
  const under = async () => {
    const box = await picture.boundingBox();
    return [(at.x - box.x) / box.width, (at.y - box.y) / box.height];
  };
  await page.mouse.move(at.x, at.y);
  let now = await scale();
  for (let i = 0; i < 3; i++) {
    await page.mouse.wheel(0, -300);
    now = await eventually('it is larger', async () => ((await scale()) > now ? scale() : undefined));
    const [x, y] = await under();
    assert.ok(Math.abs(x - 0.3) < 0.01 && Math.abs(y - 0.6) < 0.01, `${x}, ${y} under the pointer`);
  }
  const zoomed = await picture.boundingBox();
  await page.mouse.down();
  await page.mouse.move(at.x + 40, at.y + 25, { steps: 4 });
  await page.mouse.up();
  const panned = await picture.boundingBox();
  assert.ok(Math.abs(panned.x - zoomed.x - 40) <= 2 && Math.abs(panned.y - zoomed.y - 25) <= 2);
  await page.keyboard.press('Shift+ArrowRight');
  await eventually('keys pan as well', async () => (await picture.boundingBox()).x < panned.x - 30);
  assert.ok((await scale()) > 2);
  assert.equal(await picture.evaluate((e) => getComputedStyle(e).imageRendering), 'pixelated');
  await page.keyboard.press('0');
  await eventually('it is fitted', async () => Math.abs((await picture.boundingBox()).width - area.width) < 1);
  await page.keyboard.press('z');
  await eventually('one to one', async () => (await scale()) === 1);
  assert.equal(Math.round((await picture.boundingBox()).width), 256);
  await page.keyboard.press('Escape');
  await page.getByTestId('viewer').waitFor({ state: 'detached' });
  await eventually('the card has the focus', () => item(page, ids[0]).evaluate((c) => c === document.activeElement));

  // The two that differ in seed and preset only.
  const same = [jobs[1].image_id, jobs[3].image_id];
  for (const id of same) await item(page, id).click({ modifiers: ['Control'] });
  await page.getByTestId('selection-bar').getByRole('button', { name: 'Compare' }).click();
  const table = page.getByTestId('compare-table');
  await table.waitFor();
  const rows = await table.locator('tbody tr').evaluateAll((all) => all.map((row) => row.dataset.row));
  assert.deepEqual(rows.toSorted(), ['preset', 'seed']);
  const slider = page.getByTestId('compare-slider');
  const value = async () => Number(await slider.getAttribute('aria-valuenow'));
  const start = await value();
  await slider.focus();
  await page.keyboard.press('ArrowRight');
  assert.ok((await value()) > start);
  await page.keyboard.press('Home');
  assert.equal(await value(), 0);
  await page.keyboard.press('End');
  assert.equal(await value(), 100);
  const frame = await slider.locator('xpath=..').boundingBox();
  await page.mouse.move(frame.x + frame.width - 2, frame.y + frame.height / 2);
  await page.mouse.down();
  await page.mouse.move(frame.x + frame.width / 4, frame.y + frame.height / 2, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs((await value()) - 25) <= 1);
  await page.getByTestId('compare-mode-side').click();
  const panes = page.getByTestId('compare-pane');
  const views = () => panes.getByRole('img').evaluateAll((all) => all.map((e) => e.style.transform));
  const [before] = await views();
  const pane = await panes.first().boundingBox();
  await page.mouse.move(pane.x + pane.width / 3, pane.y + pane.height / 3);
  await page.mouse.wheel(0, -400);
  await eventually('both are zoomed alike', async () => {
    const [a, b] = await views();
    return a === b && a !== before;
  });
  await page.keyboard.press('0');
  await eventually('both are fitted', async () => (await views()).every((v) => v === before));
  await page.getByTestId('compare-mode-blink').click();
  const blink = page.getByTestId('compare-blink');
  const first = await blink.getAttribute('data-shown');
  await page.keyboard.down(' ');
  await eventually('the other is shown', async () => (await blink.getAttribute('data-shown')) !== first);
  await page.keyboard.up(' ');
  await eventually('the first is back', async () => (await blink.getAttribute('data-shown')) === first);
  await page.keyboard.press('Escape');
  await page.getByTestId('compare').waitFor({ state: 'detached' });
});

scenario('C34 drop a picture', { timeout: 300_000 }, async ({ page, stack }) => {
  const sheet = page.getByTestId('import-sheet');
  const stage = page.getByRole('region', { name: 'Stage' });
  const bytesOf = async (id) => Buffer.from(await (await fetch(`${stack.url}/api/images/${id}/file`)).arrayBuffer());
  const made = {};
  for (const [i, format] of ['png', 'webp', 'jpeg'].entries()) {
    const [job] = await drawAll(stack, [{ caption: captionOn(`As ${format}.`), format, seed: 40 + i, width: 256, height: 320 }]);
    made[format] = { job, bytes: await bytesOf(job.image_id) };
  }

  for (const [format, { job, bytes }] of Object.entries(made)) {
    await dropFile(page, stage, { name: `picture.${format}`, type: `image/${format}`, bytes });
    await sheet.getByTestId('import-everything').click();
    await sheet.waitFor({ state: 'detached' });
    assert.deepEqual(await captionOf(page), captionOn(`As ${format}.`));
    assert.equal(await page.getByTestId('size-w').inputValue(), '256');
    assert.equal(await page.getByTestId('size-h').inputValue(), '320');
    assert.equal(await page.getByTestId('seed').inputValue(), String(job.seed));
    assert.equal(await page.getByTestId('preset').inputValue(), 'V4_TURBO_12');
  }

  // The same again gives the same pixels.
  await dropFile(page, stage, { name: 'picture.png', type: 'image/png', bytes: made.png.bytes });
  await sheet.getByTestId('import-everything').click();
  await page.getByTestId('format').selectOption('png');
  const sent = await generate(page);
  const again = await stack.finished(sent.job.id);
  assert.equal(again.state, 'done');
  assert.equal(await pixels(page, again.image_id), await pixels(page, made.png.job.image_id));

  // Only the layout: texts stay, and undo takes it back.
  const own = JSON.stringify({
    high_level_description: 'My own.',
    compositional_deconstruction: {
      background: 'mine',
      elements: [
        { type: 'text', bbox: [10, 10, 200, 200], text: 'OWN', desc: 'own letters' },
        { type: 'obj', bbox: [300, 300, 500, 500], desc: 'own thing' },
      ],
    },
  });
  await writeJson(page, own);
  await dropFile(page, stage, { name: 'picture.png', type: 'image/png', bytes: made.png.bytes });
  await sheet.getByTestId('import-layout').click();
  await sheet.waitFor({ state: 'detached' });
  const mixed = await captionOf(page);
  assert.equal(mixed.high_level_description, 'My own.');
  assert.deepEqual(mixed.compositional_deconstruction.elements.map((e) => [e.text, e.desc]), [['OWN', 'own letters'], [undefined, 'own thing']]);
  await mode(page, 'layout');
  await page.getByTestId('box').first().waitFor();
  assert.deepEqual((await boxesOf(page)).map((b) => b.bbox), CAPTION.compositional_deconstruction.elements.map((e) => e.bbox));
  await page.getByTestId('undo').click();
  assert.equal(await textOf(page), own);

  // A caption in the text of another program.
  const foreign = JSON.stringify(captionOn('From elsewhere.'));
  await dropFile(page, stage, { name: 'foreign.png', type: 'image/png', bytes: bandsPng(64, { parameters: foreign }) });
  await sheet.getByTestId('import-everything').click();
  assert.deepEqual(await captionOf(page), captionOn('From elsewhere.'));

  // What wants to do harm is refused in a friendly way, soon, and nothing of it runs.
  await page.evaluate(() => (window.harmed = 0));
  const refused = async (file) => {
    // A file of a disk is there already; one made in the page is first brought to the browser.
    await page.evaluate((made) => made.slice(0, 16).arrayBuffer().then(() => {}), file);
    const times = [];
    do {
      const since = Date.now();
      await dropHandle(page, stage, file);
      const text = await sheet.getByTestId('import-trouble').innerText();
      times.push(Date.now() - since);
      assert.ok(text.length > 20);
      await page.keyboard.press('Escape');
      await sheet.waitFor({ state: 'detached' });
      // Somebody else's work on the machine may take a second of these; not each time.
    } while (times.at(-1) > 2000 && times.length < 3);
    assert.ok(Math.min(...times) <= 2000, `${times.join(', ')} ms`);
  };
  const half = made.png.bytes.subarray(0, 60).toString('base64');
  await refused(await page.evaluateHandle((text) => new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], 'half.png', { type: 'image/png' }), half));
  const small = bandsPng(8).toString('base64');
  await refused(await page.evaluateHandle((text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const chunk = new Uint8Array(12 + 50 * 1024 * 1024).fill(97);
    new DataView(chunk.buffer).setUint32(0, 50 * 1024 * 1024);
    chunk.set([116, 69, 88, 116, 107, 101, 121, 0], 4); // tEXt, key
    return new File([bytes.subarray(0, 33), chunk, bytes.subarray(33)], 'text.png', { type: 'image/png' });
  }, small));
  await refused(await page.evaluateHandle(() => new File([`${'['.repeat(10_000)}${']'.repeat(10_000)}`], 'deep.json', { type: 'application/json' })));
  const markup = '<img src=x onerror="window.harmed++"><script>window.harmed++</script>';
  await dropFile(page, stage, {
    name: `${markup}.png`,
    type: 'image/png',
    bytes: bandsPng(64, { parameters: JSON.stringify(captionOn(markup)) }),
  });
  await sheet.getByTestId('import-everything').click();
  await mode(page, 'form');
  assert.equal(await page.getByTestId('field-hld').inputValue(), markup);
  assert.equal(await page.evaluate(() => window.harmed), 0);

  // Without its recipe.
  await page.goto(`${stack.url}/library?image=${made.png.job.image_id}`);
  const viewer = page.getByTestId('viewer');
  await viewer.getByRole('button', { name: 'More actions' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'Download without recipe' }).click(),
  ]);
  const clean = readFileSync(await download.path());
  assert.ok(clean.length > 100 && clean.subarray(1, 4).toString() === 'PNG');
  assert.ok(!clean.includes('ideogram4') && !clean.includes('As png.') && !clean.includes('tEXt') && !clean.includes('iTXt'));
});

/** The bytes of the file that this click saves. */
async function saved(page, target) {
  const [download] = await Promise.all([page.waitForEvent('download'), target.click()]);
  return readFileSync(await download.path());
}

scenario('C34 downloads follow the preference', async ({ page, stack }) => {
  const { image_id } = await stack.draw();
  await page.goto(`${stack.url}/library?image=${image_id}`);
  const viewer = page.getByTestId('viewer');
  const plain = viewer.getByRole('button', { name: 'Download' });
  assert.ok((await saved(page, plain)).includes('ideogram4'));
  await page.goto(stack.url);
  await page.getByRole('button', { name: 'Preferences' }).click();
  await page.getByTestId('pref-embedRecipe').uncheck();
  await page.goto(`${stack.url}/library?image=${image_id}`);
  assert.ok(!(await saved(page, plain)).includes('ideogram4'));
  await viewer.getByRole('button', { name: 'More actions' }).click();
  assert.equal(await page.getByRole('menuitem', { name: 'Download without recipe' }).count(), 0);
  assert.ok((await saved(page, page.getByRole('menuitem', { name: 'Download with recipe' }))).includes('ideogram4'));
});

scenario('C34 another format keeps the recipe', async ({ page, stack }) => {
  const { image_id, seed } = await stack.draw({ width: 256, height: 320 });
  for (const [name, type] of [['JPEG', 'image/jpeg'], ['WebP', 'image/webp']]) {
    await page.goto(`${stack.url}/library?image=${image_id}`);
    await page.getByTestId('viewer').getByRole('button', { name: 'More actions' }).click();
    const bytes = await saved(page, page.getByRole('menuitem', { name: `Download as ${name}` }));
    const drawn = await page.evaluate(async ([packed, t]) => {
      const { width, height } = await createImageBitmap(new Blob([Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))], { type: t }));
      return [width, height];
    }, [bytes.toString('base64'), type]);
    assert.deepEqual(drawn, [256, 320]);
    await page.goto(stack.url);
    await dropFile(page, page.getByRole('region', { name: 'Stage' }), { name: 'other', type, bytes });
    await page.getByTestId('import-everything').click();
    await page.getByTestId('import-sheet').waitFor({ state: 'detached' });
    assert.deepEqual(await captionOf(page), CAPTION);
    assert.equal(await page.getByTestId('seed').inputValue(), String(seed));
  }
});

scenario('C34 dropped on another page', async ({ page, stack }) => {
  const { image_id } = await stack.draw();
  const bytes = Buffer.from(await (await fetch(`${stack.url}/api/images/${image_id}/file`)).arrayBuffer());
  const file = { name: 'picture.png', type: 'image/png', bytes };
  const active = (name) => page.locator(`[data-testid="mode-${name}"][data-state="active"]`).waitFor();
  await page.goto(`${stack.url}/library`);
  await item(page, image_id).waitFor();
  await dropFile(page, page.getByTestId('library-grid'), file);
  await page.getByTestId('import-underlay').click();
  await page.waitForURL(`${stack.url}/`);
  await active('layout');
  // Over a picture that is being viewed: the editor is shown.
  await page.goto(`${stack.url}/?image=${image_id}`);
  const stage = page.getByTestId('viewer-stage');
  await stage.getByRole('img').waitFor();
  await dropFile(page, stage, file);
  await page.getByTestId('import-everything').click();
  await page.getByTestId('viewer').waitFor({ state: 'detached' });
  assert.deepEqual(await captionOf(page), CAPTION);
});

scenario('C33 the same menu on every picture', async ({ page, stack }) => {
  const [first] = await drawAll(stack, [{ caption: CAPTION, seed: 1 }]);
  await drawAll(stack, [{ caption: CAPTION, seed: 2, prompt_id: first.prompt_id }]);
  const items = () => page.getByRole('menuitem').allInnerTexts();
  const open = async (act) => {
    await act();
    await page.getByRole('menuitem', { name: 'Add to compare' }).waitFor();
    const all = await items();
    await page.keyboard.press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    return all;
  };
  const onFocus = async (target) => {
    await target.focus();
    const all = await open(() => page.keyboard.press('Shift+F10'));
    await eventually('the focus is back', () => target.evaluate((e) => e === document.activeElement));
    return all;
  };

  await page.goto(`${stack.url}/library`);
  const card = item(page, first.image_id);
  const expected = await open(() => card.click({ button: 'right' }));
  assert.deepEqual(await onFocus(card), expected);
  await card.click();
  const viewer = page.getByTestId('viewer');
  assert.deepEqual(await open(() => page.getByTestId('viewer-stage').click({ button: 'right' })), expected);
  assert.deepEqual(await open(() => viewer.getByRole('button', { name: 'More actions' }).click()), expected);

  await page.goto(`${stack.url}/history/${first.prompt_id}`);
  const version = page.locator(`[data-testid=version][data-id="${first.image_id}"]`);
  await version.waitFor();
  assert.deepEqual(await open(() => version.click({ button: 'right' })), expected);
  assert.deepEqual(await onFocus(version), expected);
  const row = page.locator(`[data-testid=queue-row][data-id="${first.id}"]`);
  if (!(await row.isVisible())) await page.getByTestId('queue-count').click();
  assert.deepEqual(await open(() => row.click({ button: 'right', position: { x: 200, y: 12 } })), expected);
  assert.deepEqual(await onFocus(row.getByRole('button').first()), expected);

  // From there: only its boxes, then it once more, which belongs to the entry of the picture.
  await writeJson(page, JSON.stringify({ high_level_description: 'Mine.', compositional_deconstruction: { background: '', elements: [{ type: 'obj', bbox: [1, 1, 99, 99], desc: 'thing' }] } }));
  await version.click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Use its layout' }).click();
  await toast(page, 'Its boxes are in the editor').waitFor();
  const mixed = await captionOf(page);
  assert.equal(mixed.high_level_description, 'Mine.');
  assert.deepEqual(
    mixed.compositional_deconstruction.elements.map((e) => e.bbox).toSorted(),
    CAPTION.compositional_deconstruction.elements.map((e) => e.bbox).toSorted(),
  );
  await page.goto(`${stack.url}/?image=${first.image_id}`);
  await viewer.waitFor();
  await page.getByTestId('viewer-stage').getByRole('img').waitFor();
  await page.keyboard.press('r');
  const again = await eventually('it is drawn again', async () => {
    const { running, pending, finished } = await stack.api('/api/queue');
    return [...running, ...pending, ...finished].find((job) => job.seed !== 1 && job.seed !== 2);
  });
  assert.equal((await stack.finished(again.id)).prompt_id, first.prompt_id);
});

scenario(
  'C35 LoRA',
  {
    prepare(stack) {
      writeFileSync(stack.path('loras', 'soft.safetensors'), loraFile());
      writeFileSync(stack.path('loras', 'broken.safetensors'), 'this is no safetensors file');
    },
  },
  async ({ page, stack }) => {
    await writeJson(page, JSON.stringify(CAPTION));
    await put(page, 'size-w', 256);
    await put(page, 'size-h', 256);
    const open = page.getByTestId('lora-open');
    if (!(await open.isVisible())) await page.getByTestId('settings-toggle').click();
    await open.click();
    const chip = (name) => page.getByTestId('lora-chip').filter({ hasText: name });
    await chip('soft').click();
    const strength = page.getByTestId('lora-strength-number');
    await strength.fill('0.35');
    await strength.press('Enter');
    const one = await generate(page);
    await strength.fill('-0.5');
    await strength.press('Enter');
    const two = await generate(page);
    const done = [await stack.finished(one.job.id), await stack.finished(two.job.id)];
    assert.deepEqual(done.map((job) => job.state), ['done', 'done']);
    const stacks = await Promise.all(done.map(async (job) => (await stack.api(`/api/library/${job.image_id}`)).loras));
    assert.deepEqual(stacks.map(([l]) => l.strength), [0.35, -0.5]);

    // The one that fails says so and harms nobody.
    await chip('soft').click();
    await chip('broken').click();
    const bad = await generate(page);
    const failed = await stack.finished(bad.job.id);
    assert.equal(failed.state, 'failed');
    await page.getByText(failed.error).first().waitFor();
    await chip('broken').click();
    await chip('soft').click();
    const last = await generate(page);
    assert.equal((await stack.finished(last.job.id)).state, 'done');
  },
);

const openMenu = async (page, stack, id) => {
  await page.goto(`${stack.url}/library?image=${id}`);
  await page.getByTestId('viewer').getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Download', exact: true }).waitFor();
};
const enlarge = (page) => page.getByRole('menuitem', { name: /^Enlarge/ });

scenario('C35 upscale, absent', async ({ page, stack }) => {
  const { image_id } = await stack.draw();
  await openMenu(page, stack, image_id);
  assert.equal(await enlarge(page).count(), 0);
});

scenario(
  'C35 upscale',
  { prepare: (stack) => Object.assign(stack.env, upscaler(stack.path('upscaler'))) },
  async ({ page, profile, stack }) => {
    profile.expect(/409/);
    const { image_id } = await stack.draw();
    let asked = 0;
    await page.route('**/api/upscale', (route) =>
      asked++ === 0 ? route.fulfill({ status: 409, json: { error: 'another runs' } }) : route.continue(),
    );
    await openMenu(page, stack, image_id);
    await enlarge(page).first().click();
    await toast(page, /Enlarging, \d+ %/).waitFor();
    await toast(page, 'The enlarged picture is saved').waitFor();
    assert.equal(asked, 2);
    const { items } = await stack.api('/api/library');
    assert.equal(items[0].parent_image_id, image_id);
    assert.ok(items[0].w > 256);
  },
);
