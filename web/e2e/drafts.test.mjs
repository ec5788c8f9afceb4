// Scenarios C23 and C24 of the specification, and the way of somebody new to the page.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { eventually, scenario, source } from './harness.mjs';
import { countSubmissions, describe, generate, GOOD, jsonText, mode, rows, openQueue, toast, typeJson } from './acts.mjs';
import { captionOf } from './steps.mjs';

const WRITTEN = {
  high_level_description: 'A red circle above the word HELLO on a plain cream ground.',
  style_description: { aesthetics: 'flat, bold', lighting: 'even', medium: 'graphic_design', art_style: 'flat vector', color_palette: ['#E83030'] },
  compositional_deconstruction: {
    background: 'plain cream',
    elements: [{ type: 'obj', desc: 'a red circle' }, { type: 'text', text: 'HELLO', desc: 'the word HELLO in bold navy letters' }],
  },
};

/** A language model that behaves as `how.now` says. */
async function languageModel() {
  const how = { now: 'good', asked: 0, cut: 0, answers: [], prompt: '', written: WRITTEN };
  const server = createServer((request, response) => {
    if (request.method === 'GET') return response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"data":[],"status":"ok"}');
    how.asked++;
    const say = (content) =>
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ choices: [{ message: { role: 'assistant', content } }] }));
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      how.prompt = body;
      const behaviours = {
        good: () => say(JSON.stringify(how.written)),
        slow: () => how.answers.push(() => say(JSON.stringify(WRITTEN))),
        failing: () => response.writeHead(500, { 'Content-Type': 'application/json' }).end('{"error":{"message":"no power"}}'),
        nonsense: () => say('I would rather talk about the weather.'),
        silent: () => {},
      };
      behaviours[how.now]();
    });
    response.on('close', () => !response.writableEnded && how.cut++);
    return undefined;
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const end = () => new Promise((done) => (server.closeAllConnections(), server.close(done)));
  return { how, port: server.address().port, end };
}

const magic = { model: null };
const withModel = {
  async prepare(stack) {
    magic.model = await languageModel();
    Object.assign(stack.env, {
      IDEOGRAM4_MAGIC_PROMPT_BASE_URL: `http://127.0.0.1:${magic.model.port}/v1`,
      IDEOGRAM4_MAGIC_PROMPT_DIR: join(source, 'prompts'),
      IDEOGRAM4_MAGIC_PROMPT_MODEL: 'scribe',
      IDEOGRAM4_MAGIC_PROMPT_TIMEOUT: '3',
    });
  },
  expected: [/status of 50\d/],
};

/** A PNG of one colour, as a person would pick it. */
const picture = async (page, name, bytes = 0) => {
  const url = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 64;
    return canvas.toDataURL('image/png').split(',')[1];
  });
  const buffer = Buffer.from(url, 'base64');
  return { name, mimeType: 'image/png', buffer: bytes > buffer.length ? Buffer.concat([buffer, Buffer.alloc(bytes - buffer.length)]) : buffer };
};

const WISH = 'a cheerful sign for my shop';

async function wish(page, text = WISH) {
  await mode(page, 'quick');
  await page.getByTestId('quick-text').fill(text);
}

async function endOfModel(run, context) {
  try {
    await run(context, magic.model.how);
  } finally {
    await magic.model.end();
  }
}

scenario('C23 Magic Prompt, good', withModel, (context) => endOfModel(async ({ page }, how) => {
  await wish(page);
  await page.getByTestId('quick-expand').click();
  await toast(page, 'Caption written by scribe').waitFor();
  await mode(page, 'form');
  assert.equal(await page.getByTestId('field-hld').inputValue(), WRITTEN.high_level_description);
  assert.equal(await page.getByTestId('element-card').count(), 2);
  await mode(page, 'layout');
  await page.getByText('HELLO').first().waitFor();
  await mode(page, 'json');
  assert.deepEqual(JSON.parse(await jsonText(page)), WRITTEN);

  // Generate, by a double click, with the route changed in between: one job.
  const count = countSubmissions(page);
  how.now = 'slow';
  await wish(page);
  await page.getByTestId('quick-generate').dblclick();
  await eventually('it is asked', () => how.answers.length === 1);
  await page.getByRole('link', { name: 'Library' }).click();
  await page.waitForURL('**/library');
  await page.getByRole('link', { name: 'Create' }).click();
  await page.getByTestId('quick-running').waitFor();
  how.answers[0]();
  await toast(page, /added to the queue/).waitFor();
  await openQueue(page);
  await rows(page, 'done').first().waitFor();
  assert.deepEqual([count.n, how.asked, await rows(page).count()], [1, 2, 1]);
}, context));

scenario('C23 Magic Prompt, bad', withModel, (context) => endOfModel(async ({ page }, how) => {
  const keeps = async () => {
    await page.getByTestId('quick-expand').waitFor();
    assert.equal(await page.getByTestId('quick-text').inputValue(), WISH);
    assert.equal(await page.getByRole('list', { name: 'Reference pictures' }).getByRole('img').count(), 1);
  };
  await wish(page);
  await page.getByTestId('quick-refs-input').setInputFiles(await picture(page, 'one.png'));
  for (const now of ['failing', 'nonsense', 'silent']) {
    how.now = now;
    const before = how.asked;
    await page.getByTestId(now === 'failing' ? 'quick-generate' : 'quick-expand').click();
    await eventually('it is asked', () => how.asked > before);
    await page.getByTestId('quick-running').waitFor({ state: 'detached' });
    await page.getByTestId('quick-problem').waitFor();
    assert.ok((await page.getByTestId('quick-problem').innerText()).length > 20, now);
    await keeps();
  }

  // Cancelling ends the request.
  how.now = 'slow';
  const cut = how.cut;
  await page.getByTestId('quick-expand').click();
  await eventually('it is asked', () => how.answers.length > 0);
  await page.getByTestId('quick-cancel').click();
  await keeps();
  await eventually('the request ends', () => how.cut > cut);

  // What was written before can be drawn although the model is of no use.
  await describe(page, WRITTEN.high_level_description);
  assert.equal((await generate(page)).status, 201);
}, context));

scenario('C23 Magic Prompt, refused before it is sent', withModel, (context) => endOfModel(async ({ page }, how) => {
  await wish(page);
  const input = page.getByTestId('quick-refs-input');
  const list = page.getByRole('list', { name: 'Reference pictures' }).getByRole('img');
  await input.setInputFiles({ name: 'paper.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') });
  await page.getByText(/“paper.pdf” is no/).waitFor();
  await input.setInputFiles(await picture(page, 'huge.png', 7 * 1024 * 1024));
  await page.getByText(/“huge.png” is larger than/).waitFor();
  assert.equal(await list.count(), 0);
  await input.setInputFiles(await Promise.all([1, 2, 3, 4, 5].map((n) => picture(page, `${n}.png`))));
  await page.getByText(/At most 4 pictures/).waitFor();
  assert.equal(await list.count(), 4);
  await page.getByTestId('quick-text').fill('x'.repeat(12_001));
  await page.getByText(/are the limit/).first().waitFor();
  assert.equal(await page.getByTestId('quick-expand').getAttribute('aria-disabled'), 'true');
  await page.getByTestId('quick-expand').click({ force: true });
  assert.equal(how.asked, 0);
}, context));

scenario('B29 what Magic Prompt wrote is taken back part by part', withModel, (context) => endOfModel(async ({ page }, how) => {
  // Nothing was there: nothing to compare.
  await wish(page);
  await page.getByTestId('quick-expand').click();
  await toast(page, 'Caption written by scribe').waitFor();
  assert.equal(await page.getByTestId('magic-review').count(), 0);

  const first = how.written;
  how.written = {
    ...first,
    high_level_description: 'A blue circle above the word HELLO on a plain cream ground.',
    style_description: { ...first.style_description, aesthetics: 'calm', color_palette: ['#2040C0'] },
  };
  await page.getByTestId('quick-expand').click();
  const review = page.getByTestId('magic-review');
  await review.waitFor();
  const sections = () => review.locator('[data-section]').evaluateAll((all) => all.map((s) => `${s.dataset.section} ${s.dataset.side}`));
  assert.deepEqual(await sections(), ['description after', 'style after', 'colours after']);
  assert.equal(await review.locator('[data-section=description] del').textContent(), 'Taken out: red');
  assert.equal(await review.locator('[data-section=description] ins').textContent(), 'Written: blue');

  await review.getByTestId('review-description-before').click();
  assert.deepEqual(await sections(), ['description before', 'style after', 'colours after']);
  const mixed = await captionOf(page);
  assert.equal(mixed.high_level_description, first.high_level_description);
  assert.deepEqual(mixed.style_description, how.written.style_description);

  // It waits while another way to edit is open, and knows what was edited there.
  await mode(page, 'form');
  await page.getByTestId('field-aes').fill('my own');
  await mode(page, 'quick');
  await eventually('the style is on no side', async () => (await sections())[1] === 'style own');
  await review.getByTestId('review-all').click();
  assert.deepEqual(await sections(), ['description before', 'style before', 'colours before']);
  await page.getByTestId('review-done').click();
  await review.waitFor({ state: 'detached' });
  await eventually('the focus is not lost', () => page.evaluate(() => document.activeElement !== document.body));
  assert.deepEqual(await captionOf(page), first);
}, context));

scenario('B29 a change of what is there keeps its boxes', withModel, (context) => endOfModel(async ({ page }, how) => {
  await typeJson(page, GOOD);
  how.written = {
    ...GOOD,
    high_level_description: 'A bold poster at night with the word HELLO in navy letters above a large red circle.',
    style_description: WRITTEN.style_description,
    compositional_deconstruction: {
      background: 'deep blue',
      elements: GOOD.compositional_deconstruction.elements.map(({ bbox: _, ...rest }) => rest),
    },
  };
  await wish(page, 'make it night');
  await page.getByTestId('quick-change').click();
  await page.getByTestId('quick-expand').click();
  await page.getByTestId('magic-review').waitFor();
  const [question] = JSON.parse(how.prompt).messages.filter((m) => m.role === 'user').map((m) => JSON.stringify(m.content));
  assert.match(question, /Asked: make it night/);
  assert.match(question, /plain cream/);
  const written = await captionOf(page);
  assert.equal(written.compositional_deconstruction.background, 'deep blue');
  assert.deepEqual(written.compositional_deconstruction.elements, GOOD.compositional_deconstruction.elements);
}, context));

scenario('C23 Magic Prompt, absent', { expected: [/status of 404/] }, async ({ page }) => {
  await page.route('**/api/magic-prompt/status', (route) => route.fulfill({ status: 404, json: { error: 'not found' } }));
  await page.reload();
  await page.getByText(/Your words go to the model as they are/).waitFor();
  await page.getByTestId('quick-text').fill('A red circle on a plain cream ground, nothing else in the picture.');
  assert.equal((await generate(page)).status, 201);
});

scenario('C23 Magic Prompt, not configured', { env: { IDEOGRAM4_MAGIC_PROMPT_PROVIDER: 'somebody' } }, async ({ page }) => {
  await mode(page, 'quick');
  assert.match(await page.getByTestId('quick-problem').innerText(), /IDEOGRAM4_MAGIC_PROMPT_/);
  await page.getByTestId('quick-text').fill(WISH);
  assert.equal(await page.getByTestId('quick-expand').getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Use the text as description' }).click();
  assert.equal((await generate(page)).status, 201);
});

scenario('C24 drafts', async ({ page, stack }) => {
  const { prompt_id: entry } = await stack.draw({ caption: GOOD });
  const hld = page.getByTestId('field-hld');
  const shows = (text) => eventually(`the editor shows "${text}"`, async () => (await hld.inputValue()) === text);
  await describe(page, 'The draft of the blank editor.');
  await page.getByTestId('history-item').click();
  await page.waitForURL(`**/history/${entry}`);
  await shows(GOOD.high_level_description);
  await hld.fill('The draft of the entry.');
  await page.getByRole('link', { name: 'Create' }).click();
  await shows('The draft of the blank editor.');
  await page.getByTestId('history-item').click();
  await shows('The draft of the entry.');

  await page.getByRole('button', { name: 'New', exact: true }).click();
  await page.waitForURL((url) => url.pathname === '/');
  await shows('');
  await page.getByTestId('undo').click();
  await shows('The draft of the blank editor.');
  await page.goBack();
  await shows('The draft of the entry.');

  // Nothing typed is lost, however soon the page is loaded again.
  await hld.fill('Typed a moment ago.');
  await page.reload();
  await shows('Typed a moment ago.');
  await page.getByRole('link', { name: 'Create' }).click();
  await shows('The draft of the blank editor.');
});

scenario('the newcomer: a first picture in three clicks', async ({ page }) => {
  await page.getByTestId('example-poster').click();
  await page.getByTestId('generate').click();
  await page.getByTestId('result-image').waitFor();
  await page.getByTestId('history-item').waitFor();
  assert.ok(await page.getByTestId('result-image').evaluate(async (image) => (await image.decode(), image.naturalWidth > 0)));
});

scenario('the newcomer on a phone', { viewport: 'phone' }, async ({ page }) => {
  await page.getByTestId('quick-text').fill('A red circle on a plain cream ground, nothing else in the picture.');
  await page.getByTestId('generate').tap();
  await page.getByRole('button', { name: 'Stage' }).tap();
  await page.getByTestId('result-image').waitFor();
});
