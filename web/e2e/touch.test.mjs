// A phone in one hand: C39.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { put, toast } from './acts.mjs';
import { CAPTION, VIEWPORTS, eventually, scenario } from './harness.mjs';
import { covered } from './measures.mjs';
import { drawAll, fingers, item } from './steps.mjs';

const address = Object.values(networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address;

/** The gateway under the machine's own address, as another device of the house reaches it. */
async function overTheNetwork(stack) {
  assert.ok(address, 'this machine has no address but loopback');
  const relay = createServer((client) => {
    const server = connect(stack.port, '127.0.0.1');
    for (const [from, to] of [[client, server], [server, client]]) from.on('error', () => to.destroy()).pipe(to);
  });
  await new Promise((done) => relay.listen(0, address, done));
  relay.unref();
  stack.env.IDEOGRAM4_ALLOWED_HOSTS = `${address}:${relay.address().port}`;
  stack.url = `http://${address}:${relay.address().port}`;
}

async function assertInView(locator) {
  const box = await locator.boundingBox();
  const [width, height] = await locator.page().evaluate(() => [innerWidth, innerHeight]);
  assert.ok(box && box.y >= 0 && box.y + box.height <= height + 1 && box.x >= 0 && box.x + box.width <= width + 1, JSON.stringify([box, width, height]));
}

// The browser itself says that it leaves this header out over plain HTTP.
const expected = [/Cross-Origin-Opener-Policy header has been ignored/];

scenario('C39 phone, one hand', { viewport: 'phone', timeout: 300_000, prepare: overTheNetwork, expected }, async ({ page, stack }) => {
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  const tab = (name) => page.getByRole('navigation').getByRole('button', { name, exact: true }).last();
  // A message lies over what it lies over until it is put away; never over Generate and the tabs.
  const free = async (where) => {
    const isMain = (line) => /^(generate|Create|Stage|Queue|Library) by/.test(line);
    assert.deepEqual((await covered(page)).filter(isMain), [], where);
    await eventually('no message is left', async () => {
      const close = page.getByTestId('toast').getByRole('button', { name: 'Dismiss' });
      if ((await close.count()) === 0) return true;
      await close.last().tap({ timeout: 1000 });
    });
    assert.deepEqual(await covered(page), [], where);
  };
  const text = page.getByTestId('quick-text');
  await text.fill('A red circle on cream paper.');
  await free('writing');

  // The keyboard takes the lower part: what is typed into and Generate stay in view.
  await text.focus();
  await page.setViewportSize({ width: 390, height: 500 });
  await eventually('the field is in view', () => assertInView(text).then(() => true));
  await assertInView(page.getByTestId('generate'));
  await page.setViewportSize(VIEWPORTS.phone.viewport);

  if (!(await page.getByTestId('size-w').isVisible())) await page.getByTestId('settings-toggle').click();
  await page.getByTestId('size-chip').nth(1).click();
  await put(page, 'size-w', 256);
  await put(page, 'size-h', 256);
  await free('settings');
  for (let i = 1; i <= 3; i++) {
    await page.getByTestId('generate').click();
    await eventually(`${i} jobs`, async () => {
      const { running, pending, finished } = await stack.api('/api/queue');
      return running.length + pending.length + finished.length >= i;
    });
  }
  await tab('Stage').click();
  await page.getByTestId('result-image').waitFor({ timeout: 60_000 });
  await free('stage');
  await tab('Queue').click();
  await eventually('three are done', async () => (await page.locator('[data-testid=queue-row][data-state=done]').count()) === 3, 60);
  await free('queue');
  await tab('Library').click();
  await page.getByTestId('library-item').nth(2).waitFor();
  await free('library');

  // From one to the next with the thumb, a star, into the trash and back.
  await page.getByTestId('library-item').first().tap();
  const counter = (now) => page.getByTestId('viewer-counter').filter({ hasText: now }).waitFor();
  await counter('1 / 3');
  await page.getByTestId('viewer-stage').getByRole('img').waitFor();
  await free('viewer');
  const touch = await fingers(page);
  const swipe = async (from, to) => {
    await touch.down({ x: from, y: 420 });
    for (let i = 1; i <= 5; i++) await touch.move({ x: from + ((to - from) * i) / 5, y: 420 });
    await touch.up();
  };
  await swipe(320, 60);
  await counter('2 / 3');
  await swipe(60, 320);
  await counter('1 / 3');
  // Over plain HTTP the browser has no share sheet, so that nothing offers it; saving is there.
  const viewer = page.getByTestId('viewer');
  assert.equal(await viewer.getByRole('button', { name: 'Share' }).count(), 0);
  const [saved] = await Promise.all([page.waitForEvent('download'), viewer.getByRole('button', { name: 'Download' }).tap()]);
  assert.match(saved.suggestedFilename(), /\.(webp|png|jpg)$/);
  await page.getByRole('button', { name: 'Favourite', exact: true }).tap();
  await page.getByRole('button', { name: 'Remove from favourites' }).waitFor();
  await page.getByRole('button', { name: 'Move to trash' }).tap();
  await counter('1 / 2');
  await toast(page, 'trash').getByRole('button', { name: 'Undo' }).tap();
  await counter('/ 3');
  await page.getByRole('button', { name: 'Close the viewer' }).tap();
  await page.getByTestId('library-item').nth(2).waitFor();

  // Turned to its side and back: everything is as it was.
  await tab('Create').click();
  await page.setViewportSize({ width: 844, height: 390 });
  await page.getByTestId('quick-text').waitFor();
  assert.equal(await text.inputValue(), 'A red circle on cream paper.');
  await free('turned');
  await page.setViewportSize(VIEWPORTS.phone.viewport);
  assert.equal(await text.inputValue(), 'A red circle on cream paper.');
  await assertInView(page.getByTestId('generate'));

  // Opened by an address of the network, it passes that on.
  await page.getByRole('button', { name: 'Preferences' }).tap();
  await page.getByRole('img', { name: `QR code of ${stack.url}/` }).scrollIntoViewIfNeeded();
  await free('preferences');
});

/** A browser that has a share sheet: what is given to it is kept. */
const withShareSheet = () => {
  navigator.canShare = (data) => data.files?.length > 0;
  navigator.share = (data) => {
    window.shared = { name: data.files[0].name, type: data.files[0].type, size: data.files[0].size, title: data.title };
    return Promise.resolve();
  };
};

scenario('C39 share, pinch and long press', { viewport: 'phone', timeout: 300_000 }, async ({ page, stack }) => {
  await page.addInitScript(withShareSheet);
  const jobs = await drawAll(stack, [{ caption: CAPTION, seed: 7 }, { caption: CAPTION, seed: 8 }]);
  const [id, other] = jobs.map((job) => job.image_id).toSorted((a, b) => b - a);
  await page.goto(`${stack.url}/library?image=${id}`);
  const viewer = page.getByTestId('viewer');
  const stage = page.getByTestId('viewer-stage');
  const picture = stage.getByRole('img');
  await picture.waitFor();
  assert.deepEqual(await covered(page), []);
  await viewer.getByRole('button', { name: 'Share' }).tap();
  const shared = await eventually('it is shared', () => page.evaluate(() => window.shared));
  assert.equal(shared.type, 'image/png');
  assert.match(shared.name, /\.png$/);
  assert.equal(shared.size, (await (await fetch(`${stack.url}/api/images/${id}/file`)).arrayBuffer()).byteLength);

  // Two fingers zoom about their middle, two taps come back to the whole picture.
  const touch = await fingers(page);
  const scale = async () => Number(await stage.getAttribute('data-scale'));
  const fitted = await scale();
  const box = await stage.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await touch.down({ x: x - 40, y }, { x: x + 40, y });
  for (let i = 1; i <= 4; i++) await touch.move({ x: x - 40 - 20 * i, y }, { x: x + 40 + 20 * i, y });
  await touch.up();
  await eventually('three times as large', async () => Math.abs((await scale()) / fitted - 3) < 0.1);
  const large = await picture.boundingBox();
  assert.ok(Math.abs(large.x + large.width / 2 - x) < 4 && Math.abs(large.y + large.height / 2 - y) < 4);
  const doubleTap = async () => {
    for (let i = 0; i < 2; i++) {
      await touch.down({ x, y });
      await touch.up();
    }
  };
  await doubleTap();
  await eventually('it is fitted', async () => Math.abs((await scale()) - fitted) < 0.01);
  await doubleTap();
  await eventually('it is nearer', async () => (await scale()) > fitted * 1.5);
  await doubleTap();
  await eventually('it is fitted again', async () => Math.abs((await scale()) - fitted) < 0.01);

  // A long press opens the menu of the picture, and lifting the finger presses nothing.
  const hold = async (target) => {
    const at = await target.boundingBox();
    await touch.down({ x: at.x + at.width / 2, y: at.y + at.height / 2 });
    await page.getByRole('menuitem', { name: 'Draw again, new seed' }).waitFor();
    await touch.up();
    await page.getByRole('menuitem', { name: 'Add to compare' }).waitFor();
  };
  await hold(stage);
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await page.getByTestId('viewer').waitFor();
  await page.getByRole('button', { name: 'Close the viewer' }).tap();
  await viewer.waitFor({ state: 'detached' });
  await hold(item(page, other));
  await page.getByRole('menuitem', { name: 'Add to compare' }).tap();
  assert.equal(await viewer.count(), 0);
  await toast(page, 'One picture to compare').waitFor();
});
