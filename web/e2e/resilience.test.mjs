// Scenarios C14 to C22 of the specification: the queue, and work that survives what happens to
// pages, programs and storage.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, Profile, scenario, source } from './harness.mjs';
import { describe, generate, GOOD, idsOf, jsonText, mode, openQueue, progressOf, row, rows, size, toast, typeJson } from './acts.mjs';

const ITEM = { caption: JSON.stringify(GOOD), width: 256, height: 256, preset: 'V4_TURBO_12', format: 'webp' };
const SLOW = { ...ITEM, width: 512, height: 512, preset: 'V4_QUALITY_48', seed: 11 };

const add = async (stack, ...items) => (await stack.api('/api/queue', { items })).jobs.map((job) => job.id);
const pendingOf = async (stack) => (await stack.api('/api/queue')).pending.map((job) => job.id);
const isIdle = async (stack) => {
  const { running, pending } = await stack.api('/api/queue');
  return running.length + pending.length === 0;
};
/** What a browser says in its console when nobody answers. */
const GONE = [/ERR_(CONNECTION|EMPTY|INCOMPLETE|NETWORK|ABORTED)/, /status of 50\d/, /status of 404.*preview/];

scenario('C14 reload in mid-generation', async ({ page, stack }) => {
  await typeJson(page, GOOD);
  await size(page, 640, 640);
  await page.getByTestId('preset').selectOption('V4_QUALITY_48');
  await openQueue(page);
  const { job } = await generate(page);
  await eventually('it is at 30 %', async () => (await progressOf(page, job.id)) >= 30, 100);
  for (let i = 0; i < 3; i++) {
    const last = await progressOf(page, job.id);
    await page.reload();
    await openQueue(page);
    await row(page, job.id, 'running').waitFor();
    const now = await progressOf(page, job.id);
    assert.ok(now >= last, `${now} after ${last}`);
  }
  await row(page, job.id, 'done').waitFor({ timeout: 150_000 });
  await page.getByTestId('history-item').first().waitFor();
  assert.equal(await page.getByTestId('history-item').count(), 1);
  const { items } = await stack.api('/api/prompts?limit=10');
  assert.deepEqual(items.map((entry) => entry.images), [1]);
});

scenario('C15 browser closed', async ({ page, profile, stack }) => {
  await typeJson(page, GOOD);
  await stack.api('/api/queue/pause', {});
  for (let i = 0; i < 3; i++) assert.equal((await generate(page)).status, 201);
  await page.close();
  await stack.api('/api/queue/resume', {});
  await eventually('all are drawn', () => isIdle(stack), 60);
  const back = await profile.page();
  await toast(back, '3 pictures finished while you were away').waitFor();
  await back.getByTestId('history-item').nth(2).waitFor();
  assert.equal(await back.getByTestId('history-item').count(), 3);
  await openQueue(back);
  assert.equal(await rows(back, 'done').count(), 3);
  assert.equal((await rows(back, 'pending').count()) + (await rows(back, 'running').count()), 0);
});

for (const name of ['gateway', 'daemon']) {
  scenario(`C16 restart of the ${name}`, { expected: GONE }, async ({ page, stack }) => {
    await describe(page, 'A first draft of a poster that must not be lost.');
    await openQueue(page);
    const ids = await add(stack, SLOW, { ...ITEM, seed: 12 }, { ...ITEM, seed: 13 });
    await eventually('steps are drawn', async () => (await stack.api(`/api/queue/${ids[0]}`)).step > 2);
    await stack.kill(name);
    const words = name === 'gateway' ? /gateway does not answer/ : /engine is not running/;
    await page.getByTestId('banner').filter({ hasText: words }).waitFor({ timeout: 12_000 });
    await page.getByTestId('field-hld').fill('A second draft of a poster that must not be lost either.');
    await (name === 'gateway' ? stack.startGateway() : stack.startDaemon());
    await page.getByTestId('banner').waitFor({ state: 'detached' });
    for (const id of ids) await row(page, id, 'done').waitFor({ timeout: 60_000 });
    const jobs = await Promise.all(ids.map((id) => stack.api(`/api/queue/${id}`)));
    assert.deepEqual(jobs.map((job) => job.seed), [11, 12, 13]);
    assert.equal((await stack.api('/api/library?flag=any')).total, 3);
    assert.equal((await stack.api('/api/prompts?limit=10')).total, 3);
    if (name === 'daemon') {
      assert.ok(jobs[0].restarts > 0);
      await row(page, ids[0]).getByText(/restarted.*same seed/).waitFor();
    }
    assert.equal(await page.getByTestId('field-hld').inputValue(), 'A second draft of a poster that must not be lost either.');
    await page.reload();
    await eventually('the draft is there', async () => /^A second draft/.test(await page.getByTestId('field-hld').inputValue()));
  });
}

scenario('C17 daemon down at start', { start: false, expected: GONE }, async ({ profile, stack }) => {
  await stack.startBoth();
  await stack.draw();
  await stack.kill('daemon');
  const page = await profile.page();
  await page.getByTestId('banner').getByText('./run.sh').waitFor();
  await page.getByTestId('history-item').click();
  await page.getByTestId('result-image').waitFor();
  await page.goto(`${stack.url}/library`);
  await page.getByTestId('library-item').waitFor();
  await page.goto(stack.url);
  await describe(page, 'A red circle on a plain cream ground, nothing else in the picture.');
  await page.getByTestId('generate').focus();
  await page.getByRole('tooltip').filter({ hasText: /run\.sh/ }).first().waitFor();
  await stack.startDaemon();
  await page.getByTestId('banner').waitFor({ state: 'detached', timeout: 12_000 });
});

/** The pages of a profile that hold a stream of events. */
function streamsOf(context) {
  const open = new Set();
  context.on('request', (request) => request.resourceType() === 'eventsource' && open.add(request));
  for (const end of ['requestfinished', 'requestfailed']) context.on(end, (request) => open.delete(request));
  return () => [...open].map((request) => request.frame().page()).filter((page) => !page.isClosed());
}

scenario('C18 tabs', async ({ page: first, profile, stack }) => {
  await stack.draw();
  await stack.api('/api/queue/pause', {});
  await first.close();
  const streams = streamsOf(profile.context);
  const [a, b] = [await profile.page(), await profile.page()];
  const other = await Profile.open(stack);
  const c = await other.page();
  const all = [a, b, c];
  for (const page of all) await openQueue(page);
  await typeJson(a, GOOD);
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await generate(a)).job.id);
  const shows = (page, order) =>
    eventually('the order is shown', async () => String(await idsOf(rows(page, 'pending'))) === String(order), 1);
  for (const page of all) await shows(page, ids);
  await row(b, ids[0]).getByRole('button', { name: 'Move down' }).click();
  const order = [ids[1], ids[0], ids[2]];
  for (const page of all) await shows(page, order);

  assert.equal(streams().length, 1);
  const [holder] = streams();
  const left = holder === a ? b : a;
  await holder.close();
  await eventually('the other tab has the stream', () => streams()[0] === left, 3);
  await stack.api(`/api/queue/${ids[2]}`, { at: 'next' }, 'PATCH');
  for (const page of [left, c]) await shows(page, [ids[2], ids[1], ids[0]]);

  const more = [];
  for (let i = 0; i < 7; i++) more.push(await profile.page());
  assert.equal(streams().length, 1);
  const eighth = more.at(-1);
  await eighth.goto(`${stack.url}/library`);
  const picture = eighth.getByTestId('library-item').locator('img').first();
  await eventually('pictures load', () => picture.evaluate((image) => image.complete && image.naturalWidth > 0));
  await other.close();
});

scenario('C19 order, limits, pause', { env: { IDEOGRAM4_QUEUE_LIMIT: '6' } }, async ({ page, profile, stack }) => {
  await stack.api('/api/queue/pause', {});
  let [a, b, c, d, e] = await add(stack, ITEM, ITEM, ITEM, ITEM, ITEM);
  await typeJson(page, GOOD);
  await openQueue(page);
  const shown = () => idsOf(rows(page, 'pending'));
  const agree = async (what, order) => {
    await eventually(`${what}: shown`, async () => String(await shown()) === String(order));
    await eventually(`${what}: on the server`, async () => String(await pendingOf(stack)) === String(order));
  };
  await agree('added', [a, b, c, d, e]);

  const press = (id, name) => row(page, id).getByRole('button', { name, exact: true }).click();
  await press(b, 'Move up');
  await agree('button up', [b, a, c, d, e]);
  await press(c, 'Move down');
  await agree('button down', [b, a, d, c, e]);

  const handle = (id) => row(page, id).locator('[data-reorder]');
  await handle(b).focus();
  for (const key of ['Space', 'ArrowDown', 'ArrowDown', 'Space']) await page.keyboard.press(key);
  await agree('keyboard', [a, d, b, c, e]);

  await handle(e).scrollIntoViewIfNeeded();
  await handle(e).hover();
  await page.mouse.down();
  await row(page, a).scrollIntoViewIfNeeded();
  const top = await row(page, a).boundingBox();
  await page.mouse.move(top.x + 20, top.y + top.height, { steps: 5 });
  await page.mouse.move(top.x + 20, top.y + 4, { steps: 5 });
  await page.mouse.up();
  await agree('pointer', [e, a, d, b, c]);

  await press(c, 'Run next');
  await agree('run next', [c, e, a, d, b]);
  await page.reload();
  await openQueue(page);
  await agree('reload', [c, e, a, d, b]);

  // Paused: what runs is finished, nothing starts.
  await page.getByTestId('queue-pause').click();
  await eventually('it goes on', async () => (await stack.api('/api/queue')).running.length === 1);
  const [paused] = await Promise.all([page.waitForResponse('**/api/queue/pause'), page.getByTestId('queue-pause').click()]);
  assert.ok(paused.ok());
  const then = await stack.api('/api/queue');
  for (const { id } of then.running) assert.equal((await stack.finished(id)).state, 'done');
  const rest = then.pending.map((job) => job.id);
  await agree('paused', rest);
  assert.equal((await stack.api('/api/queue')).running.length, 0);

  await page.getByRole('button', { name: 'Clear waiting' }).click();
  await agree('cleared', []);
  await toast(page, /taken out of the queue/).getByRole('button', { name: 'Undo' }).click();
  await agree('undone', rest);

  profile.expect(/status of 409/);
  for (let i = rest.length; i < 6; i++) assert.equal((await generate(page)).status, 201);
  const full = await generate(page);
  assert.equal(full.status, 409);
  await toast(page, /queue is full/i).waitFor();
  assert.equal(await toast(page, /queue is full/i).count(), 1);
  assert.equal(await jsonText(page), JSON.stringify(GOOD));
  const numbers = async () => {
    const texts = await Promise.all(['all', 'pending', 'done'].map((f) => page.getByTestId(`queue-filter-${f}`).innerText()));
    return texts.map((text) => Number(/\d+/.exec(text)[0]));
  };
  const done = await rows(page, 'done').count();
  await eventually('counts are right', async () => String((await numbers()).slice(1)) === String([6, (await numbers())[0] - 6]));
  assert.ok(done >= 1);
  await page.getByTestId('queue-filter-done').click();
  assert.equal(await rows(page, 'pending').count(), 0);
  await page.getByTestId('queue-filter-pending').click();
  await eventually('six wait', async () => (await rows(page, 'pending').count()) === 6);
});

scenario('C19 several jobs at once', async ({ page, stack }) => {
  const { image_id: drawn } = await stack.draw();
  await stack.api('/api/queue/pause', {});
  const [a, b, c, d, e] = await add(stack, ITEM, ITEM, ITEM, ITEM, ITEM);
  await openQueue(page);
  const agree = async (what, order) => {
    await eventually(`${what}: shown`, async () => String(await idsOf(rows(page, 'pending'))) === String(order));
    await eventually(`${what}: on the server`, async () => String(await pendingOf(stack)) === String(order));
  };
  const strip = page.getByTestId('queue-selection');
  const box = (id) => row(page, id).getByRole('checkbox');
  await agree('added', [a, b, c, d, e]);

  // By pointer: a press begins, Shift takes all between, "run next" keeps their order.
  await row(page, c).click({ modifiers: ['Control'], position: { x: 200, y: 10 } });
  await strip.getByText('1 selected').waitFor();
  await row(page, e).click({ modifiers: ['Shift'], position: { x: 200, y: 10 } });
  await strip.getByText('3 selected').waitFor();
  await strip.getByRole('button', { name: 'Run next' }).click();
  await agree('run next', [c, d, e, a, b]);
  await page.keyboard.press('Escape');
  await strip.waitFor({ state: 'detached' });

  // By keyboard only, and the way back after cancelling.
  await page.getByTestId('queue-select').focus();
  await page.keyboard.press('Enter');
  await box(c).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowDown');
  await strip.getByText('2 selected').waitFor();
  await strip.getByRole('button', { name: 'Cancel 2' }).focus();
  await page.keyboard.press('Enter');
  await agree('cancelled', [e, a, b]);
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'BODY');
  await toast(page, '2 jobs were taken out of the queue').getByRole('button', { name: 'Undo' }).click();
  await agree('undone', [c, d, e, a, b]);

  // What has ended goes from the list; its picture stays.
  await page.getByTestId('queue-filter-done').click();
  await page.getByTestId('queue-select').click();
  await rows(page, 'done').getByRole('checkbox').and(page.locator(':focus')).waitFor();
  await page.keyboard.press('Control+a');
  await strip.getByRole('button', { name: /^Remove \d+ from the list/ }).click();
  await eventually('the list is empty', async () => (await stack.api('/api/queue')).finished.every((job) => job.state === 'cancelled'));
  assert.equal((await stack.api(`/api/library/${drawn}`)).id, drawn);
});

const OURS = ['prefs', 'draft:new', 'seeds', 'moved', 'queue-seen', 'fresh', 'stage', 'quick', 'settings-open', 'notify-offer'].map((k) => `i4.${k}`);
const THEIRS = ['ideogram4_last_form', 'ideogram4_gen_queue_state', 'theme'];
const BAD = ['null', '[]', '{}', '"x"', '{"genQueue":5}', '{"v":1,"data":{"doc":', 'x'.repeat(4_000_000)];

async function works(profile, stack, init, argument) {
  const page = await profile.context.newPage();
  await page.addInitScript(init, argument);
  await page.goto(stack.url);
  await describe(page, 'A red circle on a plain cream ground, nothing else in the picture.');
  assert.ok((await page.getByTestId('toast').count()) <= 1);
  assert.equal((await generate(page)).status, 201);
  return page;
}

scenario('C20 corrupt storage', { timeout: 400_000 }, async ({ page: first, profile, stack }) => {
  await first.close();
  await stack.api('/api/queue/pause', {});
  const fill = ([keys, value]) => {
    if (globalThis.name === 'filled') return; // once, not on a reload
    globalThis.name = 'filled';
    localStorage.clear();
    for (const key of keys) {
      try {
        localStorage.setItem(key, value);
      } catch {
        // no room for all of them
      }
    }
  };
  for (const keys of [OURS, THEIRS]) {
    for (const value of BAD) {
      const page = await works(profile, stack, fill, [keys, value]);
      if (keys === OURS && value !== BAD.at(-1)) {
        assert.equal(await page.evaluate(() => localStorage.getItem('i4.corrupt:prefs')), value);
      }
      await page.reload();
      await eventually('the draft is kept', async () => /^A red circle/.test(await page.getByTestId('field-hld').inputValue()));
      await page.close();
    }
  }
  const page = await works(profile, stack, () => {
    const refuse = () => {
      throw new DOMException('not allowed', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) Object.defineProperty(globalThis, name, { get: refuse });
  });
  await page.close();
  await works(profile, stack, () => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
});

const RAW = '{"note": 1.0, "high_level_description": "A raw caption of long ago, kept to the byte.", "compositional_deconstruction": {"background": "plain cream", "elements": []}}';
const FORM = {
  hld: 'A poster made of fields long ago, with one red circle.', aes: 'flat', light: 'even', med: 'illustration', cam: 'flat vector', bg: 'plain cream',
  cp: '#E83030', els: [{ id: '1', type: 'obj', text: '', bbox: '300,140,940,860', desc: 'a red circle' }],
  w: 256, h: 256, preset: 'V4_TURBO_12', seed: '5', format: 'png', rawJson: '',
};
const OF_FORM = {
  high_level_description: FORM.hld,
  style_description: { aesthetics: 'flat', lighting: 'even', medium: 'illustration', art_style: 'flat vector', color_palette: ['#E83030'] },
  compositional_deconstruction: { background: 'plain cream', elements: [{ type: 'obj', bbox: [300, 140, 940, 860], desc: 'a red circle' }] },
};

/** A database as the original leaves it: 55 entries with a picture each. */
const WRITE_DATABASE = `
import json, sqlite3, struct, sys, zlib
root, schema, form, raw = sys.argv[1:5]
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + b''.join(bytes((x, y, 128)) for x in range(256)) for y in range(256))
png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 256, 256, 8, 2, 0, 0, 0)) + \\
    chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
db = sqlite3.connect(root + '/data.db')
db.executescript(open(schema).read().split('-- part: readme')[1].split('-- part:')[0])
for n in range(1, 56):
    row = json.loads(form)
    row['_savedAt'] = '2026-01-02T03:04:05.000Z'
    if n == 2: row['rawJson'] = raw
    open(f'{root}/output/{n}.png', 'wb').write(png)
    db.execute('INSERT INTO prompts(id,saved_at,hld,form_json) VALUES(?,?,?,?)', (n, '2026-01-02 03:04:05', f'Entry {n}', json.dumps(row)))
    db.execute('INSERT INTO images(created_at,hld,width,height,preset,seed,file_path,prompt_id) VALUES(?,?,256,256,?,5,?,?)',
        ('2026-01-02 03:04:05', f'Entry {n}', 'V4_TURBO_12', f'{n}.png', n))
db.commit()
`;

const OLD = {
  ideogram4_last_form: JSON.stringify({ ...FORM, hld: 'The last form of the earlier page.', rawJson: RAW }),
  theme: 'dark',
  ideogram4_gen_queue_state: JSON.stringify({
    genQueueExpanded: true,
    genQueue: [
      {
        id: 'one', status: 'queued', historyLinkMode: 'new', label: 'waited', formSnapshot: FORM, createdAt: 1,
        request: { caption: OF_FORM, width: 256, height: 256, preset: 'V4_TURBO_12', seed: 6, format: 'png' },
      },
      { id: 'two', status: 'running', label: 'ran', taskId: 'x', request: { caption: OF_FORM, width: 256, height: 256, preset: 'V4_TURBO_12', seed: 7, format: 'png' } },
      { id: 'three', status: 'queued', request: 5 },
    ],
  }),
};

scenario('C21 moving from the original', {
  start: false,
  prepare(stack) {
    execFileSync('python3', ['-c', WRITE_DATABASE, stack.root, join(source, 'tests/data/original_schema.sql'), JSON.stringify(FORM), RAW]);
  },
}, async ({ profile, stack }) => {
  await stack.startBoth();
  await stack.api('/api/queue/pause', {});
  await profile.context.addInitScript((old) => {
    if (location.protocol === 'about:') return;
    for (const [key, value] of Object.entries(old)) if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
  }, OLD);
  const page = await profile.page();
  await mode(page, 'json');
  await eventually('the draft came along', async () => (await jsonText(page)) === RAW);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.getByRole('button', { name: 'Restore 1 queued job' }).click();
  await eventually('it waits', async () => (await pendingOf(stack)).length === 1);
  const restored = await stack.api(`/api/queue/${(await pendingOf(stack))[0]}`);
  assert.equal(restored.seed, 6);
  const caption = typeof restored.caption === 'string' ? JSON.parse(restored.caption) : restored.caption;
  assert.equal(JSON.stringify(caption), JSON.stringify(OF_FORM));
  assert.deepEqual(await page.evaluate((keys) => keys.map((key) => localStorage.getItem(key)), Object.keys(OLD)), Object.values(OLD));

  for (const id of [1, 2, 55]) {
    await page.goto(`${stack.url}/history/${id}`);
    await page.getByTestId('result-image').waitFor();
    const { item } = await generate(page);
    if (id === 2) assert.equal(item.caption, RAW);
    else assert.equal(JSON.stringify(JSON.parse(item.caption)), JSON.stringify(OF_FORM));
    assert.equal(item.prompt_id, id);
  }
  await page.goto(`${stack.url}/library`);
  await page.getByTestId('library-item').first().waitFor();
  await eventually('all 55 are counted', async () => /\b55\b/.test(await page.getByTestId('library-count').innerText()));
  await page.goto(`${stack.url}/library?image=1`);
  await page.getByTestId('viewer').locator('img').first().waitFor();
});

// Linking is one transaction with storing, so that it cannot fail alone: what can fail is the answer
// on its way back, and the storing as a whole.
scenario('C22 a picture is linked once, whatever fails', { expected: GONE }, async ({ page, stack }) => {
  await typeJson(page, GOOD);
  await openQueue(page);
  let lost = 0;
  await page.route('**/api/queue', async (route) => {
    if (route.request().method() !== 'POST' || lost === 2) return route.fallback();
    lost++;
    await route.fetch();
    return route.abort('connectionreset');
  });
  await page.getByTestId('generate').click();
  await page.getByTestId('generate-error').waitFor();
  assert.equal(lost, 2); // asked for again at once, under the same id
  await eventually('Generate is usable', async () => (await page.getByTestId('generate').getAttribute('aria-disabled')) === null);
  const { status, job } = await generate(page);
  assert.equal(status, 201);
  await row(page, job.id, 'done').waitFor();
  await page.getByTestId('result-image').waitFor();
  const counts = async () => [(await stack.api('/api/library?flag=any')).total, (await stack.api('/api/prompts?limit=10')).total];
  assert.deepEqual(await counts(), [1, 1]);

  // The picture cannot be stored: that is said, it is kept, and stored once when there is room.
  const [folder, away] = [stack.path('output'), stack.path('output-away')];
  renameSync(folder, away);
  writeFileSync(folder, '');
  const second = (await generate(page)).job;
  await row(page, second.id).getByText('cannot be saved yet').waitFor();
  await page.getByTestId('banner').filter({ hasText: /cannot be stored/ }).waitFor();
  assert.deepEqual(await counts(), [1, 1]);
  rmSync(folder);
  renameSync(away, folder);
  await page.getByTestId('banner').getByRole('button', { name: 'Try now' }).click();
  await row(page, second.id, 'done').waitFor();
  await page.getByTestId('banner').waitFor({ state: 'detached' });
  assert.deepEqual(await counts(), [2, 2]);
  await page.reload();
  await page.getByTestId('history-item').nth(1).waitFor();
  assert.equal(await page.getByTestId('history-item').count(), 2);
});
