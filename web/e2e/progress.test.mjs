// Honest progress: C40.
import assert from 'node:assert/strict';
import { GOOD } from './acts.mjs';
import { eventually, scenario } from './harness.mjs';

scenario('C40 honest progress', { timeout: 900_000 }, async ({ page, stack }) => {
  const item = { caption: GOOD, width: 256, height: 256, preset: 'V4_TURBO_12', format: 'png' };
  await page.addInitScript(() => {
    window.asked = 0;
    if (window.Notification) window.Notification.requestPermission = () => Promise.resolve((window.asked++, 'denied'));
  });
  await page.goto(stack.url);
  await page.getByTestId('generate').waitFor();
  const title = await page.title();
  const icon = () => page.evaluate(() => document.querySelector('link[rel~=icon]').href);
  const before = await icon();

  // A daemon that runs a part of the time only, so that a step takes about a second.
  const daemon = stack.running.get('daemon');
  let turn = 0;
  const slow = setInterval(() => daemon.kill(turn++ % 10 === 0 ? 'SIGCONT' : 'SIGSTOP'), 20);
  try {
    const { jobs } = await stack.api('/api/queue', { items: Array.from({ length: 10 }, (_, i) => ({ ...item, seed: i })) });
    await eventually('ten jobs are done', async () => (await stack.api(`/api/queue/${jobs[9].id}`)).state === 'done', 600);
    await page.evaluate(() => {
      window.seen = { previews: [], times: [], titles: [], icons: [] };
      const note = (list, value) => value && list.at(-1) !== value && list.push(value);
      const look = () => {
        const { previews, times, titles, icons } = window.seen;
        note(previews, Number(document.querySelector('[data-testid=preview]')?.dataset.step ?? 0));
        note(titles, document.title);
        note(icons, document.querySelector('link[rel~=icon]').href.slice(0, 200));
        const ruler = document.querySelector('[data-testid=step-ruler]');
        if (!ruler) return;
        const step = Number(/^\d+/.exec(ruler.parentElement.textContent)?.[0] ?? 0);
        const left = /about (?:(\d+):)?(\d+)(?: s)? left/.exec(document.body.textContent);
        const eta = left ? Number(left[1] ?? 0) * 60 + Number(left[2]) : null;
        if (times.at(-1)?.step !== step || times.at(-1)?.eta !== eta) times.push({ step, eta, at: Date.now() });
      };
      new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    const [job] = (await stack.api('/api/queue', { items: [{ ...item, seed: 99 }] })).jobs;
    await eventually('the job is done', async () => (await stack.api(`/api/queue/${job.id}`)).state === 'done', 120);
    const end = Date.now();
    const { previews, times, titles, icons } = await page.evaluate(() => window.seen);
    assert.deepEqual(previews, previews.toSorted((a, b) => a - b));
    assert.ok(previews.length >= 6, `previews ${previews}`);
    for (const { step, eta } of times) if (step < 2) assert.equal(eta, null, `an estimate at step ${step}`);
    for (let i = 1; i < times.length; i++) {
      if (times[i].step === times[i - 1].step && times[i - 1].eta !== null) {
        assert.ok(times[i].eta <= times[i - 1].eta, JSON.stringify(times.slice(i - 1, i + 1)));
      }
    }
    const half = times.find((t) => t.step >= 6 && t.eta !== null);
    const left = (end - half.at) / 1000;
    assert.ok(Math.abs(half.eta - left) <= Math.max(1, left * 0.25), `${half.eta} s said, ${left} s needed`);
    const percents = titles.map((t) => /^\((\d+)%\) /.exec(t)?.[1]).filter(Boolean).map(Number);
    assert.ok(percents.length >= 4, titles.join(' | '));
    assert.deepEqual(percents, percents.toSorted((a, b) => a - b));
    assert.ok(icons.length >= 3);
  } finally {
    clearInterval(slow);
    daemon.kill('SIGCONT');
  }
  await eventually('the title is as before', async () => (await page.title()) === title);
  await eventually('the icon is as before', async () => (await icon()) === before);
  assert.equal(await page.evaluate(() => window.asked), 0);
});
