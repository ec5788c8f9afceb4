// The library: C31 and C32.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mode, toast } from './acts.mjs';
import { seedLibrary, zipEntries } from './files.mjs';
import { eventually, scenario } from './harness.mjs';
import { share, violations } from './measures.mjs';
import { captionOn, drawAll, item, quietest } from './steps.mjs';

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

/** In the page: when the first picture is there, in ms since the page was asked for, and since its data came. */
const firstRow = () =>
  new Promise((done) => {
    const look = () => {
      const first = document.querySelector('[data-testid=library-item] img');
      const data = performance.getEntriesByType('resource').find((r) => new URL(r.name).pathname === '/api/library');
      if (data && first?.complete && first.naturalWidth > 0) done([performance.now(), performance.now() - data.responseEnd]);
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
    const time = await page.evaluate(firstRow);
    const left = share(); // of a core, for the page
    times.push(time.map((ms) => ms * left));
  }
  const [all, afterData] = [0, 1].map((at) => times.map((time) => Math.round(time[at])));
  assert.ok(quietest(all) <= 1500, `the first row after ${all} ms`);
  assert.ok(quietest(afterData) <= 500, `the first row ${afterData} ms after its data`);
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

scenario('B12 a rectangle, a zip file, sorting out', async ({ page, stack }) => {
  const jobs = await drawAll(stack, Array.from({ length: 6 }, (_, i) => ({ caption: captionOn(`Picture ${i}.`), seed: i })));
  const ids = jobs.map((job) => job.image_id).toSorted((a, b) => b - a);
  await page.goto(`${stack.url}/library`);
  await counts(page, 6);
  const picked = page.getByTestId('selection-count');

  // A rectangle over the first three; with Shift also over the fifth; Esc in the middle gives up.
  const middle = async (id) => {
    const box = await item(page, id).boundingBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const rectangle = async (from, to) => {
    const [a, b] = [await middle(from), await middle(to)];
    await page.mouse.move(a.x, a.y + 20);
    await page.mouse.down();
    await page.mouse.move(b.x, b.y - 20, { steps: 5 });
  };
  await rectangle(ids[0], ids[2]);
  await page.getByTestId('library-marquee').waitFor();
  await page.mouse.up();
  await page.getByTestId('library-marquee').waitFor({ state: 'detached' });
  await picked.filter({ hasText: '3 selected' }).waitFor();
  await page.keyboard.down('Shift');
  await rectangle(ids[4], ids[4]);
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await picked.filter({ hasText: '4 selected' }).waitFor();
  await rectangle(ids[5], ids[5]);
  await picked.filter({ hasText: '1 selected' }).waitFor();
  await page.keyboard.press('Escape');
  await page.mouse.up();
  await picked.filter({ hasText: '4 selected' }).waitFor();

  // The archive has their files, byte for byte.
  const coming = page.waitForEvent('download');
  await page.getByTestId('selection-download').click();
  const archive = await coming;
  assert.match(archive.suggestedFilename(), /^ideogram4-\d{4}-\d\d-\d\d\.zip$/);
  const entries = zipEntries(readFileSync(await archive.path()));
  const files = await Promise.all(
    [ids[0], ids[1], ids[2], ids[4]].map(async (id) => Buffer.from(await (await fetch(`${stack.url}/api/images/${id}/file`)).arrayBuffer())),
  );
  assert.deepEqual(entries.map((e) => e.data.length), files.map((f) => f.length));
  for (const [i, entry] of entries.entries()) {
    assert.ok(entry.data.equals(files[i]), entry.name);
    assert.match(entry.name, /^picture-\d-\d-\d+\.png$/);
  }
  await page.getByTestId('packing').waitFor({ state: 'detached' });

  // All of them, with their count, whether loaded or not.
  await page.keyboard.press('Control+a');
  await picked.filter({ hasText: '6 selected' }).waitFor();

  // Sorting out by keys: nothing happens before the end.
  await page.getByTestId('selection-cull').click();
  const cull = page.getByTestId('cull');
  const at = (n) => cull.getByTestId('cull-counter').filter({ hasText: `${n} / 6` }).waitFor();
  await at(1);
  assert.deepEqual(await violations(page, 'sorting out'), []);
  await page.keyboard.press('k');
  await at(2);
  await page.keyboard.press('4');
  await cull.getByRole('radio', { name: '4 stars' }).and(page.locator(':checked')).waitFor({ state: 'attached' });
  await page.keyboard.press('x');
  await at(3);
  await page.keyboard.press('ArrowRight');
  await at(4);
  await page.keyboard.press('x');
  await at(5);
  await page.keyboard.press('ArrowLeft');
  await at(4);
  await page.keyboard.press('k'); // thought better of it
  await at(5);
  await cull.getByTestId('cull-keep').click();
  await at(6);
  await cull.getByTestId('cull-tally').filter({ hasText: '3 kept, 1 rejected' }).waitFor();
  await page.keyboard.press('Escape');
  await cull.getByTestId('cull-trash').waitFor();
  assert.deepEqual(await violations(page, 'the end of sorting out'), []);
  assert.equal((await stack.api('/api/library')).total, 6);
  await cull.getByTestId('cull-trash').click();
  await cull.waitFor({ state: 'detached' });
  await counts(page, 5);
  await item(page, ids[1]).waitFor({ state: 'detached' });
  await toast(page, '1 picture').getByRole('button', { name: 'Undo' }).click();
  await counts(page, 6);
  await item(page, ids[1]).and(page.locator('[aria-label*="4 stars"]')).waitFor();

  // What was kept can be selected instead.
  await page.keyboard.press('Escape');
  await page.getByTestId('library-cull').click();
  await at(1);
  await cull.getByTestId('cull-keep').click();
  await at(2);
  await cull.getByTestId('cull-end').click();
  await cull.getByTestId('cull-select').click();
  await picked.filter({ hasText: '1 selected' }).waitFor();
  await item(page, ids[0]).and(page.locator('[aria-selected=true]')).waitFor();
});

scenario('B7 tags, saved filters, dates; B13 compare', { prepare: (stack) => seedLibrary(stack, 1000) }, async ({ page, stack }) => {
  await page.goto(`${stack.url}/library`);
  await counts(page, 1000);
  await item(page, 1000).click({ modifiers: ['Control'] });
  await item(page, 999).click({ modifiers: ['Control'] });
  await page.getByTestId('selection-count').filter({ hasText: '2 selected' }).waitFor();
  const bar = page.getByTestId('selection-bar');
  await bar.getByRole('button', { name: 'Tags' }).click();
  await page.getByRole('combobox', { name: 'Tag' }).fill('poster, night');
  await page.keyboard.press('Enter');
  await eventually('both have their tags', async () => (await stack.api('/api/library?tag=poster,night')).total === 2);
  await bar.getByRole('button', { name: 'Compare' }).click();
  await page.getByTestId('compare').waitFor();
  await page.getByTestId('compare-table').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('compare').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await bar.waitFor({ state: 'detached' });

  // A tag, offered while one types.
  await page.getByTestId('library-filter').click();
  const tag = page.getByRole('combobox', { name: 'Tag' });
  await tag.fill('pos');
  await page.locator('datalist option[value=poster]').waitFor({ state: 'attached' });
  await tag.fill('poster');
  await page.keyboard.press('Enter');
  await counts(page, 2);
  await page.keyboard.press('Escape');
  const saved = page.getByTestId('library-saved');
  await saved.click();
  await page.getByRole('menuitem', { name: 'Save this filter' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('My posters');
  await page.keyboard.press('Enter');
  await page.getByTestId('library-chip').filter({ hasText: 'Tag poster' }).click();
  await counts(page, 1000);
  await page.reload();
  await counts(page, 1000);
  await saved.click();
  await page.getByText('My posters').click();
  await counts(page, 2);

  // Nothing found: what to give up is said.
  await page.getByTestId('library-search').fill('qwertz');
  await page.getByText('Nothing matches').waitFor();
  await page.getByRole('button', { name: 'Remove “qwertz”' }).last().click();
  await counts(page, 2);
  await page.getByTestId('library-chip').click();
  await counts(page, 1000);

  // To the last day, by key; from there by reload and back.
  const scrubber = page.getByTestId('library-scrubber');
  await scrubber.focus();
  await page.keyboard.press('End');
  await item(page, 1).waitFor();
  const grid = page.getByTestId('library-grid');
  const top = () => grid.evaluate((g) => g.scrollTop);
  await grid.evaluate((g) => (g.scrollTop -= 333));
  const left = await eventually('it lies still', async () => {
    const before = await top();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return (await top()) === before ? before : undefined;
  });
  const back = () => eventually('the same place', async () => Math.abs((await top()) - left) <= 1);
  await page.reload();
  await back();
  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByText('The trash is empty').waitFor();
  await page.goBack();
  await back();
  await page.getByTestId('library-sort').selectOption('oldest');
  await item(page, 1).waitFor();
  await eventually('from its beginning', async () => (await top()) === 0);
  await page.goBack();
  await back();
  const seen = await page.evaluate(() => {
    const grid = document.querySelector('[data-testid=library-grid]').getBoundingClientRect();
    const isWhole = (card) => card.getBoundingClientRect().top >= grid.top && card.getBoundingClientRect().bottom <= grid.bottom;
    return [...document.querySelectorAll('[data-testid=library-item]')].find(isWhole).dataset.id;
  });
  await item(page, seen).click();
  await page.getByTestId('viewer').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('viewer').waitFor({ state: 'detached' });
  await back();
});

scenario('B11 history: pin, rename, compare captions', async ({ page, stack }) => {
  const words = ['A lighthouse in fog.', 'A blue bicycle.', 'A bowl of cherries.'];
  const jobs = await drawAll(stack, words.map((text, i) => ({ caption: captionOn(text), seed: i })));
  await page.goto(`${stack.url}/`);
  const rows = page.getByTestId('history-item');
  await rows.nth(2).waitFor();
  const first = page.locator(`[data-testid=history-item][data-id="${jobs[0].prompt_id}"]`);
  const menu = async (name, entry) => {
    await page.getByTestId('history-item').filter({ hasText: name }).hover();
    await menuOfEntry(page, name).click();
    await page.getByRole('menuitem', { name: entry, exact: true }).click();
  };
  await menu(words[0], 'Pin to the top');
  await page.getByRole('heading', { name: 'Pinned' }).waitFor();
  assert.equal(await rows.first().getAttribute('data-id'), String(jobs[0].prompt_id));
  await menu(words[0], 'Rename');
  await page.getByTestId('entry-name').fill('Cover idea');
  await page.keyboard.press('Enter');
  await first.filter({ hasText: 'Cover idea' }).waitFor();
  await page.reload();
  await first.filter({ hasText: 'Cover idea' }).waitFor();
  assert.equal(await rows.first().getAttribute('data-id'), String(jobs[0].prompt_id));

  // Found by the name, and by its own words.
  const search = page.getByTestId('history-search');
  await search.fill('cover');
  await eventually('only that one', async () => (await rows.count()) === 1);
  await first.waitFor();
  await search.fill('lighthouse');
  await eventually('only that one', async () => (await rows.count()) === 1);
  await search.fill('');
  await rows.nth(2).waitFor();

  await menu('Cover idea', 'Compare captions');
  const table = page.getByTestId('caption-diff-table');
  await table.waitFor();
  assert.deepEqual(await violations(page, 'comparing captions'), []);
  await page.getByRole('combobox', { name: 'Compare with' }).selectOption(String(jobs[1].prompt_id));
  await table.getByRole('cell', { name: words[1], exact: true }).waitFor();
  assert.deepEqual(await table.locator('tbody tr').evaluateAll((all) => all.map((row) => row.dataset.row)), ['high_level_description']);
  await page.keyboard.press('Escape');
  await table.waitFor({ state: 'detached' });

  await menu('Cover idea', 'Unpin');
  await page.getByRole('heading', { name: 'Pinned' }).waitFor({ state: 'detached' });
  await menu('Cover idea', 'Duplicate into a new draft');
  await page.waitForURL(`${stack.url}/`);
  await mode(page, 'form');
  await eventually('the words are in the draft', async () => (await page.getByTestId('field-hld').inputValue()) === words[0]);
});
