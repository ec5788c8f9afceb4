// Honest progress: C40.
import assert from 'node:assert/strict';
import { generate, GOOD, size, typeJson } from '../acts.mjs';
import { eventually, scenario } from '../harness.mjs';

// A picture so large that a step takes its time: half a second to two, on two cores.
const SIDE = 1024;

/** Writes down what the page shows of the running job from now on. */
function watchProgress(page) {
  return page.evaluate(() => {
    const seen = (window.seen = { previews: [], times: [], titles: [], icons: [] });
    const note = (list, value) => value && list.at(-1) !== value && list.push(value);
    const look = () => {
      note(seen.previews, Number(document.querySelector('[data-testid=preview]')?.dataset.step ?? 0));
      note(seen.titles, document.title);
      note(seen.icons, document.querySelector('link[rel~=icon]').href.slice(0, 200));
      const ruler = document.querySelector('[data-testid=step-ruler]');
      if (!ruler) return;
      const step = Number(ruler.getAttribute('aria-valuenow'));
      const left = document.querySelector('[data-testid=time-left]').dataset.seconds;
      const eta = left === undefined ? null : Number(left);
      if (seen.times.at(-1)?.step !== step || seen.times.at(-1)?.eta !== eta) seen.times.push({ step, eta, at: Date.now() });
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

scenario('C40 honest progress', { timeout: 900_000 }, async ({ page, stack }) => {
  await page.addInitScript(() => {
    window.asked = 0;
    if (window.Notification) window.Notification.requestPermission = () => Promise.resolve((window.asked++, 'denied'));
  });
  await page.reload();
  await typeJson(page, GOOD);
  const title = await page.title();
  const icon = () => page.evaluate(() => document.querySelector('link[rel~=icon]').href);
  const before = await icon();
  const { defaults } = await stack.api('/api/capabilities');
  const item = { caption: GOOD, width: SIDE, height: SIDE, preset: defaults.preset, format: 'png' };
  const { jobs } = await stack.api('/api/queue', { items: Array.from({ length: 10 }, (_, seed) => ({ ...item, seed })) });
  await eventually('ten jobs are done', async () => (await stack.api(`/api/queue/${jobs[9].id}`)).state === 'done', 600);
  await size(page, SIDE, SIDE);
  await watchProgress(page);
  const { job, item: sent } = await generate(page);
  assert.deepEqual([sent.width, sent.height, sent.preset], [item.width, item.height, item.preset]);
  await eventually('the job is done', async () => (await stack.api(`/api/queue/${job.id}`)).state === 'done', 120);
  const ended = Date.now();
  const { previews, times, titles, icons } = await page.evaluate(() => window.seen);
  const shown = JSON.stringify(times);
  assert.deepEqual(previews, previews.toSorted((a, b) => a - b));
  assert.ok(previews.length >= 6, `previews ${previews}`);
  assert.ok(times.some((t) => t.step < 2));
  for (const { step, eta } of times) if (step < 2) assert.equal(eta, null, `an estimate at step ${step}: ${shown}`);
  for (let i = 1; i < times.length; i++) {
    const [last, now] = [times[i - 1], times[i]];
    if (last.step === now.step && last.eta !== null) assert.ok(now.eta <= last.eta, shown);
  }
  const half = times.find((t) => t.step >= 6 && t.eta !== null);
  const left = (ended - half.at) / 1000;
  assert.ok(Math.abs(half.eta - left) <= left * 0.25, `${half.eta} s said, ${left} s needed: ${shown}`);
  const percents = titles.map((t) => /^\((\d+)%\) /.exec(t)?.[1]).filter(Boolean).map(Number);
  assert.ok(percents.length >= 4, titles.join(' | '));
  assert.deepEqual(percents, percents.toSorted((a, b) => a - b));
  assert.ok(icons.length >= 3);
  await eventually('the title is as before', async () => (await page.title()) === title);
  await eventually('the icon is as before', async () => (await icon()) === before);
  assert.equal(await page.evaluate(() => window.asked), 0);
});
