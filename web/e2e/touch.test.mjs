// A phone in one hand: C39.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { put, toast } from './acts.mjs';
import { VIEWPORTS, eventually, scenario } from './harness.mjs';
import { covered } from './measures.mjs';
import { fingers } from './steps.mjs';

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

scenario('C39 phone, one hand', { viewport: 'phone', timeout: 300_000, prepare: overTheNetwork }, async ({ page, stack }) => {
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  const tab = (name) => page.getByRole('navigation').getByRole('button', { name, exact: true }).last();
  const free = async (where) => assert.deepEqual(await covered(page), [], where);
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
});
