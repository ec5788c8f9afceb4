// What a person does on the page to make pictures, one function for an act, and what the page shows
// of it.
import assert from 'node:assert/strict';
import { eventually } from './harness.mjs';

/** A caption that the check finds nothing in. */
export const GOOD = {
  high_level_description: 'A bold poster with the word HELLO in navy letters above a large red circle.',
  compositional_deconstruction: {
    background: 'plain cream',
    elements: [
      { type: 'text', bbox: [60, 80, 270, 920], text: 'HELLO', desc: 'the word HELLO in bold navy letters' },
      { type: 'obj', bbox: [300, 140, 940, 860], desc: 'a red circle' },
    ],
  },
};

export async function mode(page, name) {
  await page.getByTestId(`mode-${name}`).click();
  await page.locator(`[data-testid="mode-${name}"][data-state="active"]`).waitFor();
}

/** The whole text of the JSON view; meant for captions that fit into it. */
export function jsonText(page) {
  return page
    .getByTestId('json-editor')
    .evaluate((editor) => [...editor.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n'));
}

/** Replaces the text in the JSON view by typing. */
export async function typeJson(page, value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  await mode(page, 'json');
  await page.getByTestId('json-editor').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
  await eventually('the JSON view holds the text', async () => (await jsonText(page)) === text);
}

/** Description and background, by their fields. */
export async function describe(page, hld, background = 'plain cream') {
  await mode(page, 'form');
  await page.getByTestId('field-hld').fill(hld);
  await page.getByTestId('field-bg').fill(background);
}

/** A number into a field that takes it on leaving. */
export async function put(page, testId, value) {
  const field = page.getByTestId(testId);
  await field.fill(String(value));
  await field.blur();
}

export async function size(page, width, height) {
  await put(page, 'size-w', width);
  await put(page, 'size-h', height);
}

const isSubmission = (request) => request.method() === 'POST' && new URL(request.url()).pathname === '/api/queue';

/** Does something that submits; what was sent and answered. */
export async function submitted(page, act) {
  const [response] = await Promise.all([page.waitForResponse((r) => isSubmission(r.request())), act()]);
  const { items } = response.request().postDataJSON();
  const body = await response.json();
  return { status: response.status(), items, item: items[0], jobs: body.jobs ?? [], job: body.jobs?.[0], body };
}

export const generate = (page) => submitted(page, () => page.getByTestId('generate').click());

/** How often the page submits from now on. */
export function countSubmissions(page) {
  const count = { n: 0 };
  page.on('request', (request) => (count.n += isSubmission(request) ? 1 : 0));
  return count;
}

export async function openQueue(page) {
  await page.getByRole('button', { name: /^(Open|Close) the queue/ }).waitFor();
  const button = page.getByRole('button', { name: /^Open the queue/ });
  if (await button.isVisible()) await button.click();
  await page.getByTestId('queue-filter-all').waitFor();
}

/** The row of a job, in a state if one is given. */
export const row = (page, id, state) =>
  page.locator(`[data-testid="queue-row"][data-id="${id}"]${state ? `[data-state="${state}"]` : ''}`);

export const rows = (page, state) =>
  page.locator(`[data-testid="queue-row"]${state ? `[data-state="${state}"]` : ''}`);

export const idsOf = (list) => list.evaluateAll((all) => all.map((one) => Number(one.dataset.id)));

export const toast = (page, text) => page.getByTestId('toast').filter({ hasText: text });

/** The number a job's progressbar shows; null: it has none yet. */
export async function progressOf(page, id) {
  const now = await row(page, id).getByRole('progressbar').getAttribute('aria-valuenow');
  return now === null ? null : Number(now);
}

/** Writes down what rows of the queue and their progressbars show from now on. */
export function watchRows(page) {
  return page.evaluate(() => {
    const seen = (globalThis.seenRows = {});
    const look = () => {
      for (const one of document.querySelectorAll('[data-testid="queue-row"]')) {
        const mine = (seen[one.dataset.id] ??= { states: [], values: [] });
        if (mine.states.at(-1) !== one.dataset.state) mine.states.push(one.dataset.state);
        const now = one.querySelector('[role="progressbar"]')?.getAttribute('aria-valuenow');
        if (now != null && mine.values.at(-1) !== Number(now)) mine.values.push(Number(now));
      }
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
    look();
  });
}

export const seenRows = (page, id) => page.evaluate((key) => globalThis.seenRows[key], String(id));

/** Goes on with Tab until the focus is where it is wanted; it is never lost on the way. */
export async function tabTo(page, selector, key = 'Tab') {
  await page.locator(selector).first().waitFor(); // nobody goes where nothing is to be seen yet
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press(key);
    const at = await page.evaluate((wanted) => {
      const { activeElement: active } = document;
      return active === document.body ? 'body' : active.matches(wanted) ? 'there' : 'elsewhere';
    }, selector);
    assert.notEqual(at, 'body', `the focus is lost on the way to ${selector}`);
    if (at === 'there') return;
  }
  assert.fail(`${key} does not lead to ${selector}`);
}

/** The picture's pixels as one text, so that two can be compared. */
export function pixels(page, imageId) {
  return page.evaluate(async (id) => {
    const blob = await (await fetch(`/api/images/${id}/file`)).blob();
    const bitmap = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const digest = await crypto.subtle.digest('SHA-256', data);
    return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('');
  }, imageId);
}

/** The reason why a button cannot be used, as its tip says it. */
export async function reasonOf(page, testId) {
  const button = page.getByTestId(testId);
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
  await button.focus();
  return page.getByRole('tooltip').first().textContent();
}

/** The message beside a field that is not accepted. */
export async function messageOf(page, testId) {
  const field = page.getByTestId(testId);
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  const [id] = (await field.getAttribute('aria-describedby')).split(' ');
  return page.locator(`[id="${id}"]`).innerText();
}
