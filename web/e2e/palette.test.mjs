// Improvements B27 and B11 of the specification: what can be done with colours, and parts that are
// kept for another picture. C29 is in layout.test.mjs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mode, toast } from './acts.mjs';
import { eventually, scenario } from './harness.mjs';
import { captionOf, pasteText, writeJson } from './steps.mjs';

const apple = { type: 'obj', bbox: [100, 100, 400, 400], desc: 'an apple' };
const captionWith = (...elements) => ({
  high_level_description: 'A table with fruit.',
  compositional_deconstruction: { background: 'grey', elements },
});

// The style's own palette is not inside of an element's card.
const style = (page) => page.locator('div:has(> [data-testid=palette-text]):not([data-testid=element-card] *)');
const colours = (root) => root.getByTestId('palette-swatch').evaluateAll((all) => all.map((s) => s.dataset.colour));
const shows = (page, wanted) =>
  eventually(`the colours are ${wanted}`, async () => (await colours(style(page))).join() === wanted.join());
const form = async (page, value = captionWith(apple)) => {
  await writeJson(page, JSON.stringify(value));
  await mode(page, 'form');
  await page.getByTestId('field-hld').waitFor();
};
const isFocused = (locator) => eventually('it has the focus', () => locator.evaluate((one) => one === document.activeElement));

async function openTools(page, name, root = page) {
  await root.getByRole('button', { name: 'More for colours' }).first().click();
  await page.getByRole('menuitem', { name }).click();
  await page.getByTestId('palette-sheet').waitFor();
}

scenario('B27 lists of every kind, and dragging', async ({ page }) => {
  await form(page);
  const text = style(page).getByTestId('palette-text');
  await pasteText(text, 'linear-gradient(to right, #f00 0%, rgba(0, 0, 255, .5) 80%, gold)');
  await shows(page, ['#FF0000', '#0000FF', '#FFD700']);
  await text.fill('');
  await text.press('Enter');
  await pasteText(text, 'https://coolors.co/264653-2a9d8f-e9c46a');
  await shows(page, ['#264653', '#2A9D8F', '#E9C46A']);

  await text.fill('');
  await text.press('Enter');
  await pasteText(text, '--sun: hwb(40 0% 0%);\n--sea: oklch(0% 0 0 / 50%);\n--paper: Ivory; none');
  await shows(page, ['#FFAA00', '#000000', '#FFFFF0']);
  await page.getByText('No colours: none').waitFor();
  await text.fill('');
  await text.press('Enter');
  await pasteText(text, '["#264653", "#2A9D8F", "#E9C46A"]');

  // The first is dragged behind the last; one undo brings it back.
  const swatches = style(page).getByTestId('palette-swatch');
  const [from, to] = [await swatches.first().boundingBox(), await swatches.last().boundingBox()];
  await page.mouse.move(from.x + 8, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(to.x + 8, to.y + 8, { steps: 6 });
  await page.mouse.up();
  await shows(page, ['#2A9D8F', '#E9C46A', '#264653']);
  await page.getByTestId('undo').click();
  await shows(page, ['#264653', '#2A9D8F', '#E9C46A']);

  // Removed by key: the neighbour has the focus.
  await swatches.first().focus();
  await page.keyboard.press('Delete');
  await shows(page, ['#2A9D8F', '#E9C46A']);
  await isFocused(swatches.first());
});

scenario('B27 harmonies', async ({ page }) => {
  await form(page);
  await pasteText(style(page).getByTestId('palette-text'), '#E4572E');
  await openTools(page, 'Harmonies…');
  const sheet = page.getByTestId('palette-sheet');
  await sheet.getByRole('button', { name: 'All of: Three apart' }).click();
  await eventually('three colours', async () => (await colours(style(page))).length === 3);
  await sheet.getByTestId('harmony-colour').and(page.getByRole('button', { name: /^Add #/ })).first().click();
  await eventually('a fourth', async () => (await colours(style(page))).length === 4);
  await page.keyboard.press('Escape');
  await isFocused(page.getByRole('button', { name: 'More for colours' }).first());
  for (const colour of (await captionOf(page)).style_description.color_palette) assert.match(colour, /^#[0-9A-F]{6}$/);
});

scenario('B27 contrast of letters and what is under them', async ({ page }) => {
  await form(page, captionWith(
    { type: 'obj', bbox: [200, 200, 800, 800], desc: 'a yellow plate' },
    { type: 'text', bbox: [400, 300, 600, 700], text: 'HI', desc: 'the word HI in white letters' },
  ));
  const card = page.getByTestId('element-card').nth(1);
  const contrast = card.getByTestId('contrast');
  assert.equal(await contrast.getAttribute('data-level'), 'weak');
  await contrast.getByRole('button', { name: 'Use #000000' }).click();
  await eventually('it reads well', async () => (await contrast.getAttribute('data-level')) === 'good');
  assert.deepEqual(await colours(card), ['#000000']);
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'BODY');
  assert.equal(await page.getByTestId('element-card').first().getByTestId('contrast').count(), 0);
  await openTools(page, 'Check contrast…');
  await page.getByTestId('palette-sheet').getByText('reads well').waitFor();
});

scenario('B27 saved palettes', async ({ page }) => {
  await form(page);
  await pasteText(style(page).getByTestId('palette-text'), 'navy, gold');
  await openTools(page, 'Saved palettes…');
  await page.getByTestId('part-save').click();
  await page.getByLabel('Name').fill('Harbour');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Use “Harbour”' }).waitFor();
  await page.keyboard.press('Escape');

  // After a reload it is still there, for another picture.
  await page.reload();
  await form(page);
  await shows(page, []);
  await openTools(page, 'Saved palettes…');
  await page.getByRole('button', { name: 'Use “Harbour”' }).click();
  await page.keyboard.press('Escape');
  await shows(page, ['#000080', '#FFD700']);
});

const FULL = {
  high_level_description: 'A poster with a boat.',
  style_description: { aesthetics: 'calm', lighting: 'dusk', medium: 'painting', art_style: 'oil', color_palette: ['#102048'] },
  compositional_deconstruction: {
    background: 'the sea',
    elements: [
      { type: 'obj', bbox: [300, 100, 900, 900], desc: 'a boat' },
      { type: 'text', bbox: [50, 100, 200, 900], text: 'AHOY', desc: 'the word AHOY in white letters' },
    ],
  },
};

scenario('B11 saved parts', async ({ page, profile, stack }) => {
  await form(page, FULL);
  await page.getByTestId('open-parts-style').click();
  const dialog = page.getByTestId('parts');
  for (const [kind, name] of [['style', 'Oil at dusk'], ['element', 'My boat'], ['layout', 'Title above'], ['prompt', 'The boat poster']]) {
    await dialog.getByTestId(`parts-${kind}`).click();
    await dialog.getByTestId('part-save').click();
    await dialog.getByLabel('Name').fill(name);
    await page.keyboard.press('Enter');
    await dialog.locator(`[data-testid=part][data-name="${name}"]`).waitFor();
  }
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export' }).click()]);
  const file = readFileSync(await download.path());
  await page.keyboard.press('Escape');
  await isFocused(page.getByTestId('open-parts-style'));

  // A style and an element into another picture; each is one step that can be undone.
  await form(page, captionWith(apple));
  const insert = async (kind, button) => {
    await page.getByTestId('open-parts-style').click();
    await dialog.getByTestId(`parts-${kind}`).click();
    await dialog.getByRole('button', { name: button }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await insert('style', 'Use “Oil at dusk”');
  await insert('element', 'Insert “My boat”');
  const mixed = await captionOf(page);
  assert.deepEqual(mixed.style_description, FULL.style_description);
  assert.deepEqual(mixed.compositional_deconstruction.elements.map((e) => e.desc), ['an apple', 'a boat']);
  await mode(page, 'form');
  await page.getByTestId('undo').click();
  await eventually('the boat is gone', async () => (await page.getByTestId('element-card').count()) === 1);

  // Deleted and brought back.
  await page.getByTestId('open-parts-style').click();
  await dialog.getByRole('button', { name: 'More for “Oil at dusk”' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await dialog.getByText('No saved style.').waitFor();
  await toast(page, 'deleted').getByRole('button', { name: 'Undo' }).click();
  await dialog.getByRole('button', { name: 'Use “Oil at dusk”' }).waitFor();

  // In another browser, from the file; twice is once.
  const other = await profile.context.browser().newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  try {
    const there = await other.newPage();
    await there.goto(stack.url);
    await mode(there, 'form');
    await there.getByTestId('open-parts-prompt').click();
    const input = there.getByTestId('parts-file');
    await input.setInputFiles({ name: 'parts.json', mimeType: 'application/json', buffer: file });
    await toast(there, '4 parts imported').waitFor();
    await input.setInputFiles({ name: 'parts.json', mimeType: 'application/json', buffer: file });
    await toast(there, 'was there already').waitFor();
    await input.setInputFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"kind":"else"}') });
    await toast(there, 'holds no saved parts').waitFor();
    await there.getByRole('button', { name: 'Use “The boat poster”' }).click();
    assert.deepEqual(await captionOf(there), FULL);
  } finally {
    await other.close();
  }
});
