// Places and addresses.
import assert from 'node:assert/strict';
import { scenario } from './harness.mjs';

scenario('the frame: places are reached, an unknown one says so', async ({ page, stack }) => {
  await page.getByRole('link', { name: 'Library' }).click();
  await page.waitForURL('**/library');
  await page.goto(`${stack.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
  assert.equal(await page.title(), 'There is nothing here – Ideogram 4');
});
