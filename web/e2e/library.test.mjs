// The library: C31 and C32.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { toast } from './acts.mjs';
import { seedLibrary } from './files.mjs';
import { eventually, scenario } from './harness.mjs';
import { captionOn, drawAll, item, median } from './steps.mjs';

const count = (page) => page.getByTestId('library-count').evaluate((c) => Number(c.firstChild?.textContent.replace(/\D/g, '')));
const counts = (page, n) => eventually(`${n} in the library`, async () => (await count(page)) === n);

const menuOfEntry = (page, name) => page.getByRole('button', { name: `Actions for ${name}` });

scenario('C31 favourites, delete, undo, trash', async ({ page, profile, stack }) => {
  const words = ['A harbour at dawn.', 'A red stop sign.', 'A paper heart.'];
  const firsts = await drawAll(stack, words.map((text, i) => ({ caption: captionOn(text), seed: i })));
  const more = [0, 0, 0, 1, 1, 2, 2].map((entry, i) => ({
    caption: captionOn(words[entry]),
    seed: 10 + i,
    prompt_id: firsts[entry].prompt_id,
  }));
  const rest = await drawAll(stack, more);
  const ids = [...firsts, ...rest].map((job) => job.image_id).toSorted((a, b) => b - a);
  const files = () => readdirSync(stack.path('output')).filter((name) => name.endsWith('.png')).length;
  await page.goto(`${stack.url}/library`);
  await counts(page, 10);
  assert.equal(files(), 10);

  // A star in the viewer shows everywhere at once.
  await item(page, ids[0]).click();
  const viewer = page.getByTestId('viewer');
  await viewer.waitFor();
  await viewer.getByRole('button', { name: 'Favourite', exact: true }).click();
  await viewer.getByRole('button', { name: 'Remove from favourites' }).waitFor();
  await page.keyboard.press('Escape');
  await viewer.waitFor({ state: 'detached' });
  await page.locator(`[data-testid=library-item][data-id="${ids[0]}"][aria-label*="Favourite"]`).waitFor();
  const starred = rest.at(-1).prompt_id;
  await page.locator(`[data-testid=history-item][data-id="${starred}"]`).getByRole('img', { name: 'Favourite' }).waitFor();
  await page.getByRole('link', { name: 'Favourites' }).click();
  await counts(page, 1);
  await page.getByRole('link', { name: 'Library' }).click();
  await counts(page, 10);

  // A range into the trash, and back with its files.
  await item(page, ids[1]).click({ modifiers: ['Control'] });
  await item(page, ids[5]).click({ modifiers: ['Shift'] });
  await page.getByTestId('selection-count').filter({ hasText: '5 selected' }).waitFor();
  await page.getByRole('button', { name: 'Move to the trash' }).click();
  await counts(page, 5);
  await toast(page, '5 pictures').getByRole('button', { name: 'Undo' }).click();
  await counts(page, 10);
  assert.equal(files(), 10);
  await item(page, ids[0]).and(page.locator('[aria-label*="Favourite"]')).waitFor();

  // An entry with its pictures, and back.
  await page.locator(`[data-testid=history-item][data-id="${starred}"]`).hover();
  await menuOfEntry(page, words[2]).click();
  await page.getByRole('menuitem', { name: 'Move to the trash' }).click();
  await counts(page, 7);
  await page.locator(`[data-testid=history-item][data-id="${starred}"]`).waitFor({ state: 'detached' });
  await toast(page, 'entry').getByRole('button', { name: 'Undo' }).click();
  await counts(page, 10);
  await page.locator(`[data-testid=history-item][data-id="${starred}"]`).waitFor();
  await item(page, ids[0]).and(page.locator('[aria-label*="Favourite"]')).waitFor();

  // Restored from the trash; deleted for good only when asked.
  await item(page, ids[1]).focus();
  await page.keyboard.press('Delete');
  await counts(page, 9);
  await item(page, ids[2]).focus();
  await page.keyboard.press('Delete');
  await counts(page, 8);
  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByTestId('trash-item').nth(1).waitFor();
  await page.getByTestId('trash-item').first().getByRole('button', { name: 'Restore' }).click();
  await page.getByTestId('trash-item').nth(1).waitFor({ state: 'detached' });
  const forGood = page.getByTestId('trash-item').first().getByRole('button', { name: 'Delete for good' });
  await forGood.click();
  const asks = page.getByTestId('confirm');
  await asks.getByRole('button', { name: 'Cancel' }).click();
  await asks.waitFor({ state: 'detached' });
  assert.equal(await page.getByTestId('trash-item').count(), 1);
  await forGood.click();
  await asks.getByRole('button', { name: 'Delete for good' }).click();
  await page.getByText('The trash is empty').waitFor();
  await eventually('the file is gone', () => files() === 9);
  await page.reload();
  await page.getByText('The trash is empty').waitFor();
  await page.getByRole('link', { name: 'Library' }).click();
  await counts(page, 9);

  // The open picture goes: its neighbour is shown.
  await page.getByTestId('library-item').first().click();
  const counter = page.getByTestId('viewer-counter');
  await counter.filter({ hasText: '1 / 9' }).waitFor();
  const before = new URL(page.url()).searchParams.get('image');
  await page.keyboard.press('Delete');
  await counter.filter({ hasText: '1 / 8' }).waitFor();
  const after = new URL(page.url()).searchParams.get('image');
  assert.notEqual(after, before);
  await viewer.getByRole('img').first().waitFor();
  await page.keyboard.press('Escape');
  await counts(page, 8);

  // The open entry goes, here or elsewhere: the editor is blank, and a notice says why.
  const [own, elsewhere] = [firsts[1].prompt_id, firsts[0].prompt_id];
  await page.locator(`[data-testid=history-item][data-id="${own}"]`).click();
  await page.waitForURL(`**/history/${own}`);
  await menuOfEntry(page, words[1]).click();
  await page.getByRole('menuitem', { name: 'Move to the trash' }).click();
  await page.waitForURL(`${stack.url}/`);
  await toast(page, 'entry').waitFor();
  await page.locator(`[data-testid=history-item][data-id="${elsewhere}"]`).click();
  await page.waitForURL(`**/history/${elsewhere}`);
  await page.getByTestId('generate').waitFor();
  profile.expect(/404/);
  await stack.api('/api/trash', { prompts: [elsewhere] });
  await page.waitForURL(`${stack.url}/`);
  await toast(page, 'The open entry was deleted.').waitFor();
});

const ROWS = 10_000;

/** In the page: when the first picture is there, in ms since the page was asked for. */
const firstRow = () =>
  new Promise((done) => {
    const look = () => {
      const first = document.querySelector('[data-testid=library-item] img');
      if (first?.complete && first.naturalWidth > 0) done(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  });

scenario('C32 10 000 images', { prepare: (stack) => seedLibrary(stack, ROWS), timeout: 300_000 }, async ({ page, stack }) => {
  const whole = [];
  page.on('request', (r) => /\/api\/images\/\d+\/file|\/outputs\//.test(r.url()) && whole.push(r.url()));
  const times = [];
  for (let i = 0; i < 5; i++) {
    await page.goto(`${stack.url}/library`);
    times.push(await page.evaluate(firstRow));
  }
  const shown = median(times);
  assert.ok(shown <= 1500, `the first row after ${Math.round(shown)} ms`);
  await counts(page, ROWS);
  const nodes = async () => {
    const n = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(n < 1500, `${n} nodes`);
  };
  await nodes();
  const grid = page.getByTestId('library-grid');
  await eventually('the end is there', async () => {
    await grid.evaluate((g) => (g.scrollTop = g.scrollHeight));
    return item(page, 1).isVisible();
  }, 60);
  await nodes();

  const search = page.getByTestId('library-search');
  await search.fill('zanzibar');
  await counts(page, 5);
  await eventually('five cards', async () => (await page.getByTestId('library-item').count()) === 5);
  await page.reload();
  await counts(page, 5);
  assert.equal(await search.inputValue(), 'zanzibar');
  await search.fill('');
  await counts(page, ROWS);

  await page.getByTestId('library-sort').selectOption('oldest');
  await item(page, 1).waitFor();
  assert.equal(await page.getByTestId('library-item').first().getAttribute('data-id'), '1');
  await page.reload();
  await item(page, 1).waitFor();
  await page.goBack();
  await item(page, ROWS).waitFor();

  await page.getByTestId('library-filter').click();
  await page.getByTestId('library-kinds').selectOption({ label: 'Without a history entry' });
  await page.keyboard.press('Escape');
  await counts(page, ROWS / 50);
  await item(page, ROWS).and(page.locator('[aria-label*="Without a history entry"]')).waitFor();
  await page.goBack();
  await counts(page, ROWS);
  assert.deepEqual(whole, []);

  // A picture far down, by its address.
  await page.goto(`${stack.url}/library?image=1000`);
  const viewer = page.getByTestId('viewer');
  await viewer.locator('img[src="/api/images/1000/file"]').waitFor();
  await page.getByTestId('viewer-counter').filter({ hasText: /9,?001 \/ 10,?000/ }).waitFor();
  await page.keyboard.press('Escape');
  await eventually('its card has the focus', () => item(page, 1000).evaluate((c) => c === document.activeElement));
  await nodes();

  // A new picture moves nothing.
  const place = () =>
    page.evaluate(() => {
      const card = document.activeElement;
      return [document.querySelector('[data-testid=library-grid]').scrollTop, card.dataset.id, card.getBoundingClientRect().top];
    });
  const before = await place();
  await stack.draw();
  await page.getByTestId('library-new').filter({ hasText: '1 new' }).waitFor();
  assert.deepEqual(await place(), before);
  await page.getByTestId('library-new').click();
  await counts(page, ROWS + 1);
  await item(page, ROWS + 1).waitFor();
});
