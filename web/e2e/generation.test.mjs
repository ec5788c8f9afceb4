// Scenarios C1 to C13 of the specification: from a caption to a picture.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { eventually, programs, scenario, source } from './harness.mjs';
import {
  countSubmissions, describe, generate, GOOD, jsonText, messageOf, mode, openQueue, pixels, put, reasonOf, row, rows, seenRows,
  size, submitted, tabTo, toast, typeJson, watchRows,
} from './acts.mjs';

const SEED_MAX = 4_294_967_295;

scenario('C1 first picture, keyboard only', async ({ page, stack }) => {
  const sentence = 'A red circle on a plain cream ground, nothing else in the picture.';
  await page.getByTestId('generate').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the editor');
  await page.keyboard.press('Enter');
  await tabTo(page, '[role="tab"]');
  await page.keyboard.press('ArrowRight');
  await tabTo(page, '[data-testid="field-hld"]');
  await page.keyboard.type(sentence);
  await tabTo(page, '[data-testid="field-bg"]');
  await page.keyboard.type('plain cream');
  await tabTo(page, '[data-testid="element-add"]');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid="element-desc"]:focus').waitFor();
  await page.keyboard.type('a red circle');
  await tabTo(page, 'section[aria-label="Queue"] button[aria-expanded="false"]');
  await page.keyboard.press('Enter');
  await watchRows(page);
  await tabTo(page, '[data-testid="generate"]', 'Shift+Tab');
  // Held back until it was seen waiting: else that may be over before it is drawn.
  await stack.api('/api/queue/pause', {});
  const { job } = await submitted(page, () => page.keyboard.press('Enter'));
  await row(page, job.id, 'pending').waitFor();
  await stack.api('/api/queue/resume', {});
  const width = job.width;
  await page.getByTestId('result-image').waitFor();
  assert.equal(await page.getByTestId('result-image').evaluate(async (i) => (await i.decode(), i.naturalWidth)), width);
  await row(page, job.id, 'done').waitFor();
  const { states, values } = await seenRows(page, job.id);
  assert.deepEqual(states, ['pending', 'running', 'done']);
  assert.ok(values.length > 1 && values.every((v, i) => i === 0 || v >= values[i - 1]), `progress ${values}`);
  await page.getByTestId('history-item').first().waitFor();
  assert.equal(await page.getByTestId('history-item').count(), 1);
  assert.match(await page.getByTestId('history-item').innerText(), /A red circle on a plain cream ground/);
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'BODY');
});

scenario('C2 form to caption', async ({ page }) => {
  await describe(page, 'A poster of one red circle with the word HELLO above it.', 'plain cream');
  await page.getByTestId('field-med').selectOption('photograph');
  await page.getByTestId('look-ready').selectOption('portrait');
  const look = await page.getByTestId('field-cam').inputValue();
  await page.getByTestId('palette-text').first().fill('#abc, 1a1a1a');
  await page.getByTestId('palette-text').first().blur();
  await page.getByTestId('element-add').click();
  const first = page.getByTestId('element-card').nth(0);
  await first.getByTestId('element-desc').fill('a red circle');
  for (const [edge, n] of [['bottom', 860], ['right', 760], ['top', 340], ['left', 240]]) {
    await first.getByTestId(`box-${edge}`).fill(String(n));
    await first.getByTestId(`box-${edge}`).blur();
  }
  await page.getByTestId('element-add-text').click();
  const second = page.getByTestId('element-card').nth(1);
  await second.getByTestId('element-text').fill('HELLO');
  await second.getByTestId('element-desc').fill('the word HELLO in bold navy letters');
  await page.getByTestId('element-add').click();
  await size(page, 320, 256);
  await page.getByTestId('preset').selectOption('V4_TURBO_12');
  await page.getByTestId('format').selectOption('png');
  await page.getByTestId('seed').fill('77');
  const { item, status, job } = await generate(page);
  assert.equal(status, 201);
  const sent = typeof item.caption === 'string' ? JSON.parse(item.caption) : item.caption;
  const expected = {
    high_level_description: 'A poster of one red circle with the word HELLO above it.',
    style_description: { photo: look, medium: 'photograph', color_palette: ['#AABBCC', '#1A1A1A'] },
    compositional_deconstruction: {
      background: 'plain cream',
      elements: [
        { type: 'obj', bbox: [340, 240, 860, 760], desc: 'a red circle' },
        { type: 'text', text: 'HELLO', desc: 'the word HELLO in bold navy letters' },
      ],
    },
  };
  assert.equal(JSON.stringify(sent), JSON.stringify(expected));
  const { width, height, preset, format, seed } = item;
  assert.deepEqual({ width, height, preset, format, seed }, { width: 320, height: 256, preset: 'V4_TURBO_12', format: 'png', seed: 77 });
  await openQueue(page);
  await row(page, job.id, 'done').waitFor();
});

scenario('C3 JSON wins and survives', async ({ page }) => {
  const typed =
    '{"x_note": {"kept": 1.50}, "compositional_deconstruction": {"elements": [{"desc": "a red circle", "type": "obj", ' +
    '"color_palette": ["#E83030"], "bbox": [100, 100, 940, 900]}], "background": "plain cream"}, ' +
    '"high_level_description": "One red circle on a plain cream ground and nothing else at all."}';
  await typeJson(page, typed);
  await page.locator('[data-testid="size-chip"][data-ratio="landscape"]').click();
  await page.getByTestId('seed').fill('5');
  await page.getByTestId('preset').selectOption('V4_DEFAULT_20');
  await page.getByTestId('format').selectOption('jpeg');
  await mode(page, 'form');
  await page.getByTestId('element-desc').fill('a dark red circle');
  const { item } = await generate(page);
  const edited = typed.replace('a red circle', 'a dark red circle');
  assert.equal(item.caption, edited);
  assert.equal(item.format, 'jpeg');
  assert.ok(item.width > item.height);
  await page.getByTestId('history-item').first().click();
  await page.waitForURL('**/history/*');
  await mode(page, 'json');
  await eventually('the JSON view shows the text', async () => (await jsonText(page)) === edited);
});

function caret(page) {
  return page.getByTestId('json-editor').evaluate((editor) => {
    const { focusNode, focusOffset } = document.getSelection();
    const range = document.createRange();
    const line = (focusNode.nodeType === 3 ? focusNode.parentElement : focusNode).closest('.cm-line');
    range.setStart(line, 0);
    range.setEnd(focusNode, focusOffset);
    return { line: [...editor.querySelectorAll('.cm-line')].indexOf(line), column: range.toString().length };
  });
}

scenario('C4 broken JSON', async ({ page }) => {
  const text = '{"high_level_description": "One red circle and nothing else.",\n"compositional_deconstruction": {"background": "plain cream",\n"elements": []}}';
  await typeJson(page, text);
  await page.keyboard.press('Control+End');
  await page.keyboard.press('ArrowLeft');
  const before = await caret(page);
  await page.keyboard.press('Backspace');
  assert.match(await page.getByTestId('json-error').innerText(), /line 3, column \d+/i);
  assert.match(await reasonOf(page, 'generate'), /not valid JSON/);

  await mode(page, 'form');
  assert.equal(await page.getByTestId('field-hld').inputValue(), 'One red circle and nothing else.');
  assert.ok(!(await page.getByTestId('field-hld').isEditable()));
  assert.ok(await page.getByTestId('element-add').isDisabled());
  await mode(page, 'layout');
  await page.getByText(/its last valid state/).first().waitFor();
  await mode(page, 'json');
  await page.getByTestId('json-error').waitFor();

  // Typed again: the caret stays where the brace was put.
  await page.getByTestId('json-editor').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.type('}');
  await page.getByTestId('json-error').waitFor({ state: 'detached' });
  assert.deepEqual(await caret(page), before);
  assert.equal(await jsonText(page), text);

  await page.keyboard.press('Backspace');
  await page.getByTestId('json-error').waitFor();
  await page.getByTestId('json-revert').click();
  await page.getByTestId('json-error').waitFor({ state: 'detached' });
  assert.equal(await jsonText(page), text);
  assert.notEqual(await page.getByTestId('generate').getAttribute('aria-disabled'), 'true');
});

scenario('C5 seed rules', async ({ page, stack }) => {
  await typeJson(page, GOOD);
  await openQueue(page);
  const seed = page.getByTestId('seed');
  assert.equal(await seed.inputValue(), '');
  const first = await generate(page);
  assert.ok(Number.isInteger(first.item.seed) && first.item.seed >= 0 && first.item.seed <= SEED_MAX);
  await row(page, first.job.id).getByText(String(first.item.seed)).first().waitFor();

  const count = countSubmissions(page);
  for (const bad of ['abc', '-1', '1.5', '4294967296']) {
    await seed.fill(bad);
    assert.match(await messageOf(page, 'seed'), /whole number/, bad);
    assert.match(await reasonOf(page, 'generate'), /seed/i);
    await page.getByTestId('generate').click({ force: true });
  }
  assert.equal(count.n, 0);

  await page.getByTestId('dice').click();
  const rolled = Number(await seed.inputValue());
  assert.ok(Number.isInteger(rolled) && rolled >= 0 && rolled <= SEED_MAX);
  assert.notEqual(await seed.getAttribute('aria-invalid'), 'true');

  const lock = page.getByTestId('seed-lock');
  await lock.click();
  const kept = [await generate(page), await generate(page)];
  assert.deepEqual(kept.map((k) => k.item.seed), [rolled, rolled]);
  const done = await Promise.all(kept.map((k) => stack.finished(k.job.id)));
  assert.equal(await pixels(page, done[0].image_id), await pixels(page, done[1].image_id));

  await lock.click();
  const free = [await generate(page), await generate(page)];
  assert.notEqual(free[0].item.seed, free[1].item.seed);
});

scenario('C6 sizes', async ({ page, stack }) => {
  await stack.api('/api/queue/pause', {});
  const { size: limits } = await stack.api('/api/capabilities');
  await typeJson(page, GOOD);
  const fits = (n) => n >= limits.min && n <= limits.max && n % limits.multiple === 0;
  const chips = await page.getByTestId('size-chip').all();
  assert.ok(chips.length >= 7);
  for (const chip of chips) {
    await chip.click();
    const { status, item } = await generate(page);
    assert.equal(status, 201);
    assert.ok(fits(item.width) && fits(item.height), `${item.width} x ${item.height}`);
  }

  const width = page.getByTestId('size-w');
  const height = page.getByTestId('size-h');
  for (const number of ['1', '10', '100', '1000']) {
    await width.click();
    await page.keyboard.press('Control+a');
    for (let i = 1; i <= number.length; i++) {
      await page.keyboard.press(number[i - 1]);
      assert.equal(await width.inputValue(), number.slice(0, i));
    }
    await page.keyboard.press('Tab');
    const now = Number(await width.inputValue());
    assert.ok(fits(now));
    assert.ok(Math.abs(now - Math.max(limits.min, Number(number))) <= limits.multiple / 2, `${number} became ${now}`);
    assert.equal((await generate(page)).status, 201);
  }

  await put(page, 'size-w', 512);
  await put(page, 'size-h', 320);
  await width.focus();
  await page.keyboard.press('ArrowUp');
  assert.equal(await width.inputValue(), String(512 + limits.multiple));
  await page.keyboard.press('ArrowDown');
  assert.equal(await width.inputValue(), '512');
  await page.getByTestId('size-swap').click();
  assert.deepEqual([await width.inputValue(), await height.inputValue()], ['320', '512']);
  await page.getByTestId('size-lock').click();
  await put(page, 'size-w', 640);
  assert.deepEqual([await width.inputValue(), await height.inputValue()], ['640', '1024']);
  assert.equal((await generate(page)).status, 201);
});

scenario('C7 the server rejects or fails a job', { context: { permissions: ['clipboard-read', 'clipboard-write'] } }, async ({ page, profile, stack }) => {
  profile.expect(/status of 422/);
  await typeJson(page, GOOD);
  await openQueue(page);
  const detail = [
    { loc: ['body', 'items', 0, 'width'], msg: 'the width is too much for today', type: 'value_error' },
    { loc: ['body', 'items', 0, 'seed'], msg: 'the seed is not liked', type: 'value_error' },
  ];
  await page.route('**/api/queue', (route) =>
    route.request().method() === 'POST' ? route.fulfill({ status: 422, json: { detail } }) : route.fallback());
  assert.equal((await generate(page)).status, 422);
  const refused = rows(page, 'failed');
  for (const { msg } of detail) await refused.getByText(msg).first().waitFor();
  assert.equal(await messageOf(page, 'size-w'), detail[0].msg);
  assert.equal(await messageOf(page, 'seed'), detail[1].msg);
  assert.equal(await jsonText(page), JSON.stringify(GOOD));
  await page.unroute('**/api/queue');
  const good = await generate(page);
  assert.equal(good.status, 201);
  await row(page, good.job.id, 'done').waitFor();

  // A job that the engine cannot draw: its adapter is not there.
  const item = { caption: JSON.stringify(GOOD), width: 256, height: 256, preset: 'V4_TURBO_12', seed: 9, format: 'png', loras: [{ name: 'gone.safetensors', strength: 1 }] };
  const [job] = (await stack.api('/api/queue', { items: [item] })).jobs;
  const failed = row(page, job.id, 'failed');
  const { error } = await stack.finished(job.id);
  await failed.getByText(error).waitFor();
  await failed.getByRole('button', { name: /Copy details/ }).click();
  assert.match(await eventually('the clipboard is filled', () => page.evaluate(() => navigator.clipboard.readText())), /seed 9/);
  const [answer] = await Promise.all([
    page.waitForResponse(`**/api/queue/${job.id}/retry`),
    failed.getByRole('button', { name: /Retry|Try again/ }).click(),
  ]);
  const again = await stack.api(`/api/queue/${(await answer.json()).jobs[0].id}`);
  const asked = ({ caption, width, height, preset, seed, format, loras }) => ({ caption, width, height, preset, seed, format, loras });
  assert.deepEqual(asked(again), asked(await stack.api(`/api/queue/${job.id}`)));
  await stack.finished(again.id);
});

const modelFolder = (stack) => stack.path('model');

scenario('C8 the model is not loaded', {
  env: { IDEOGRAM4_MODEL_DAEMON_AUTOLOAD: '0' },
  prepare(stack) {
    cpSync(join(source, 'models/demo'), modelFolder(stack), { recursive: true });
    stack.env.IDEOGRAM4_DEMO_MODEL = modelFolder(stack);
  },
}, async ({ page, stack }) => {
  await typeJson(page, GOOD);
  const state = page.getByTestId('model-state').first();
  const button = page.getByTestId('generate');
  await eventually('Generate speaks of loading', async () => /load/i.test(await button.innerText()));
  const { job } = await generate(page);
  await page.locator('[data-testid="model-state"][data-model="loaded"]').first().waitFor();
  assert.equal((await stack.finished(job.id)).state, 'done');
  assert.ok(await state.isVisible());

  await state.click();
  await page.getByTestId('model-unload').click();
  await page.getByTestId('confirm').getByRole('button', { name: /Unload/ }).click();
  await page.locator('[data-testid="model-state"][data-model="idle"]').first().waitFor();
  await page.keyboard.press('Escape');

  const weights = join(modelFolder(stack), 'conditional_transformer.safetensors');
  const whole = readFileSync(weights);
  writeFileSync(weights, whole.subarray(0, 100));
  await openQueue(page);
  const next = await generate(page);
  await page.getByText(/conditional_transformer/).first().waitFor();
  await row(page, next.job.id, 'pending').waitFor();
  writeFileSync(weights, whole);
  await page.getByRole('button', { name: /Retry|Try again|Try now/ }).first().click();
  await row(page, next.job.id, 'done').waitFor();
});

/** A drawing by the command line in the same daemon, long enough to be in the way. */
function otherProgram(stack, preset = 'V4_QUALITY_48') {
  const child = spawn(
    join(programs, 'ideogram4'),
    ['generate', '--daemon', 'require', '--daemon-url', `http://127.0.0.1:${stack.daemonPort}`, '--prompt', JSON.stringify(GOOD),
      '--width', '512', '--height', '512', '--preset', preset, '--out', stack.path(`other-${preset}.png`)],
    { env: stack.env, stdio: 'ignore' },
  );
  stack.running.set('other', child);
  child.ended = new Promise((done) => child.once('exit', done));
  return child;
}

const daemonStatus = async (stack) => (await fetch(`http://127.0.0.1:${stack.daemonPort}/health`)).json();

scenario('C9 the slot is held by another program', async ({ page, stack }) => {
  await stack.draw();
  await typeJson(page, GOOD);
  await openQueue(page);
  const other = otherProgram(stack);
  let isOver = false;
  other.ended.then(() => (isOver = true));
  await eventually('the other program draws', async () => JSON.stringify(await daemonStatus(stack)).includes('true') && !isOver);
  const count = countSubmissions(page);
  const mine = await generate(page);
  await page.getByText(/another program/i).first().waitFor();
  await row(page, mine.job.id).getByText(/wait/i).first().waitFor();
  assert.equal(await page.locator('[data-testid="toast"]').filter({ hasText: /fail|busy|409/i }).count(), 0);

  // One that is cancelled while it waits is never drawn.
  const second = await generate(page);
  await row(page, second.job.id, 'pending').getByRole('button', { name: 'Cancel' }).click();
  await row(page, second.job.id).waitFor({ state: 'detached' });
  assert.ok(!isOver, 'the other program drew too fast');
  await other.ended;
  stack.running.delete('other');
  const begun = ({ step, state }) => step > 0 || state === 'done';
  await eventually('mine starts', async () => begun(await stack.api(`/api/queue/${mine.job.id}`)), 4);
  await row(page, mine.job.id, 'done').waitFor();
  assert.equal((await stack.api(`/api/queue/${second.job.id}`)).state, 'cancelled');
  assert.equal((await stack.api('/api/library?flag=any')).total, 2);
  assert.equal(count.n, 2); // the page leaves trying again to the server
});

scenario('C10 stop', async ({ page, profile, stack }) => {
  await typeJson(page, GOOD);
  await openQueue(page);
  await size(page, 512, 512);
  await page.getByTestId('preset').selectOption('V4_QUALITY_48');
  const slow = await generate(page);
  await size(page, 256, 256);
  await page.getByTestId('preset').selectOption('V4_TURBO_12');
  const next = await generate(page);
  await row(page, slow.job.id, 'running').waitFor();
  await eventually('steps are drawn', async () => (await stack.api(`/api/queue/${slow.job.id}`)).step > 0);

  // The call fails: the row runs on, and something says so.
  profile.expect(/status of 500/);
  await page.route('**/api/queue/*', (route) =>
    route.request().method() === 'DELETE' ? route.fulfill({ status: 500, json: { error: 'not now' } }) : route.fallback());
  await page.getByTestId('stop').click();
  await toast(page, 'not now').waitFor();
  await row(page, slow.job.id, 'running').waitFor();
  await page.unroute('**/api/queue/*');

  await watchRows(page);
  await page.getByTestId('stop').click();
  await eventually('it is cancelled', async () => (await stack.api(`/api/queue/${slow.job.id}`)).state === 'cancelled', 5);
  await row(page, slow.job.id, 'cancelled').waitFor();
  assert.deepEqual((await seenRows(page, slow.job.id)).states, ['running', 'cancelling', 'cancelled']);
  await row(page, next.job.id, 'done').waitFor();
  const { total } = await stack.api('/api/library?flag=any');
  assert.equal(total, 1);
  assert.equal((await stack.api('/api/prompts?limit=10')).total, 1);
});

scenario('C11 background completion never disturbs', async ({ page, stack }) => {
  const one = 'A bold poster with one red circle in the middle and nothing else.';
  await describe(page, one);
  await page.getByTestId('preset').selectOption('V4_QUALITY_48');
  const { job } = await generate(page);
  const field = page.getByTestId('field-hld');
  await field.click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('Now ');
  await toast(page, /Picture saved/).waitFor();
  await page.locator('[data-testid="fresh-badge"][data-count="1"]').first().waitFor();
  await page.keyboard.type('and then ');
  const caretNow = await field.evaluate((f) => [document.activeElement === f, f.selectionStart]);
  assert.deepEqual(caretNow, [true, 'Now and then '.length]);
  assert.equal(await field.inputValue(), `Now and then ${one}`);
  assert.equal(new URL(page.url()).pathname, '/');
  const { prompt_id: entry } = await stack.finished(job.id);
  await page.getByTestId('history-item').filter({ hasText: 'A bold poster' }).first().waitFor();
  await toast(page, /Picture saved/).getByRole('button', { name: 'View' }).click();
  await page.waitForURL(`**/history/${entry}`);
  await eventually('the entry is open', async () => (await field.inputValue()) === one);
  await page.getByTestId('fresh-badge').first().waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Create' }).click();
  await eventually('the draft is there', async () => (await field.inputValue()) === `Now and then ${one}`);
});

const LINTED = {
  high_level_description: 'A poster with two words, a large blue square behind them and a plain cream ground.',
  style_description: {
    aesthetics: 'flat, bold',
    lighting: 'even',
    photo: 'straight on, 50 mm',
    medium: 'photograph',
    art_style: 'flat vector',
    color_palette: Array.from({ length: 17 }, (_, i) => `#0000${(i + 16).toString(16).toUpperCase()}`),
  },
  compositional_deconstruction: {
    background: 'plain cream paper with a fine grain, evenly lit from above, no shadows at all',
    elements: [
      { type: 'obj', bbox: [950, 50, 300, 950], desc: 'a large blue square' },
      { type: 'obj', text: 'LOST', desc: 'a small red circle' },
      { type: 'text', bbox: [50, 50, 250, 950], text: 'HELLO', desc: 'the word HELLO in bold navy letters' },
      { type: 'text', bbox: [200, 50, 400, 950], text: 'WORLD', desc: 'the word WORLD in bold navy letters' },
    ],
  },
};

scenario('C12 verify and lint', async ({ page, stack }) => {
  await typeJson(page, LINTED);
  await mode(page, 'form');
  const items = page.getByTestId('lint-item');
  const found = () => items.evaluateAll((all) => all.map((i) => `${i.dataset.level} ${i.dataset.rule}`).sort());
  await eventually('the check is done', async () => (await items.count()) > 0);
  assert.deepEqual(await found(), ['error box', 'error colours-max', 'error text-on-object', 'error two-looks', 'warning overlap']);

  // Errors ask, once.
  const count = countSubmissions(page);
  await page.getByTestId('generate').click();
  await page.getByTestId('confirm').getByRole('button', { name: 'Cancel' }).click();
  await page.getByTestId('confirm').waitFor({ state: 'detached' });
  assert.equal(count.n, 0);
  await page.getByTestId('generate').click();
  await submitted(page, () => page.getByTestId('confirm').getByRole('button', { name: /Send anyway/ }).click());
  await generate(page);

  for (const rule of ['box', 'colours-max', 'text-on-object', 'two-looks']) {
    const before = await found();
    await page.locator(`[data-testid="lint-item"][data-rule="${rule}"]`).getByRole('button').last().click();
    await eventually(`${rule} is mended`, async () => !(await found()).some((f) => f.endsWith(` ${rule}`)));
    assert.deepEqual(await found(), before.filter((f) => !f.endsWith(` ${rule}`)));
  }
  // A warning does not ask.
  assert.equal((await generate(page)).status, 201);

  const last = page.getByTestId('element-card').nth(3);
  await last.getByTestId('box-top').fill('260');
  await last.getByTestId('box-top').blur();
  await eventually('nothing is left', async () => (await items.count()) === 0);
  assert.equal(await page.getByTestId('lint-count').innerText(), '0');
  const { item } = await generate(page);
  assert.deepEqual((await stack.api('/api/verify', { caption: JSON.parse(item.caption) })).warnings, []);
});

/** A flat grey PNG, as the model's refusal is. */
function greyCard(side) {
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
    const ends = [Buffer.alloc(4), Buffer.alloc(4)];
    ends[0].writeUInt32BE(data.length);
    ends[1].writeUInt32BE(crc32(body));
    return Buffer.concat([ends[0], body, ends[1]]);
  };
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]); // 8 bits of grey
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  const rows = Buffer.alloc(side * (side + 1), 128);
  for (let y = 0; y < side; y++) rows[y * (side + 1)] = 0;
  const sign = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([sign, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** Stands before the daemon and gives out its first pictures as grey cards. */
async function refusingDaemon(stack, cards) {
  const refused = new Set();
  const server = createServer((incoming, outgoing) => {
    const [, id] = /^\/artifact\/(\w+)/.exec(incoming.url) ?? [];
    if (id && (refused.has(id) || refused.size < cards)) {
      refused.add(id);
      const card = greyCard(256);
      outgoing.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': card.length }).end(card);
      return;
    }
    const { method, headers, url: path } = incoming;
    const onward = ask({ host: '127.0.0.1', port: stack.daemonPort, method, path, headers: { ...headers, host: `127.0.0.1:${stack.daemonPort}` } }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  stack.env.IDEOGRAM4_MODEL_DAEMON_URL = `http://127.0.0.1:${server.address().port}`;
  server.unref();
}

scenario('C13 refusal card', { prepare: (stack) => refusingDaemon(stack, 2) }, async ({ page, stack }) => {
  await typeJson(page, GOOD);
  await page.getByTestId('format').selectOption('png');
  await openQueue(page);
  const { job } = await generate(page);
  await page.getByTestId('blocked-card').getByText('Blocked by the model').first().waitFor();
  await row(page, job.id, 'done').getByText('Blocked by the model').waitFor();
  const { items: [entry] } = await stack.api('/api/prompts?limit=10');
  assert.equal(entry.cover, null);
  assert.equal((await stack.api('/api/library')).total, 0);
  assert.equal((await stack.api('/api/library?flag=blocked')).total, 1);

  const [answer] = await Promise.all([
    page.waitForResponse(`**/api/queue/${job.id}/retry`),
    page.getByTestId('blocked-card').getByRole('button', { name: 'Try other seeds' }).click(),
  ]);
  const { jobs } = await answer.json();
  assert.ok(jobs.length <= 3);
  const ended = await Promise.all(jobs.map((one) => stack.finished(one.id)));
  assert.deepEqual(ended.map((one) => [one.state, one.flag]), [['done', 'blocked'], ['done', null], ['cancelled', null]]);
  assert.equal(new Set([job.seed, ...ended.map((one) => one.seed)]).size, 4);
  await page.getByTestId('result-image').waitFor();

  // The library has the picture, and the cards only where they are asked for.
  await page.goto(`${stack.url}/library`);
  await page.getByTestId('library-item').first().waitFor();
  assert.equal(await page.getByTestId('library-item').count(), 1);
  await page.goto(`${stack.url}/library?flag=blocked`);
  await eventually('the cards are there', async () => (await page.getByTestId('library-item').count()) === 2);
});

scenario('B14 more seeds of a picture, and the chosen one finished better', async ({ page, stack }) => {
  const { prompt_id: entry } = await stack.draw();
  await stack.api('/api/queue/pause', {});
  await page.goto(`${stack.url}/history/${entry}`);
  await page.getByTestId('result-image').waitFor();
  const open = page.getByRole('button', { name: 'More seeds of this picture' });
  const dialog = page.getByTestId('seeds');
  const added = async (name) => (await submitted(page, () => dialog.getByRole('button', { name }).click())).items;

  await open.click();
  await dialog.getByTestId('seeds-following').click();
  await put(page, 'seeds-count', 3);
  const following = await added('Add 3 pictures');
  assert.deepEqual(following.map((item) => [item.seed, item.prompt_id]), [[8, entry], [9, entry], [10, entry]]);
  await dialog.waitFor({ state: 'detached' });

  await open.click();
  await dialog.getByTestId('seeds-list').click();
  await dialog.getByTestId('seeds-text').fill('5, x');
  await dialog.getByText('“x” is no seed').waitFor();
  await dialog.getByTestId('seeds-text').fill('5, 20-21 5');
  await dialog.getByLabel('Quality').selectOption('V4_QUALITY_48');
  const listed = await added('Add 3 pictures');
  assert.deepEqual(listed.map((item) => [item.seed, item.preset]), [5, 20, 21].map((seed) => [seed, 'V4_QUALITY_48']));

  await open.click();
  const random = await added('Add 4 pictures');
  assert.equal(new Set(random.map((item) => item.seed)).size, 4);
  assert.equal((await stack.api('/api/queue')).pending.length, 10);
});
