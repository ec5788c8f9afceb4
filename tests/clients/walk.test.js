// A walk through the whole API (docs/api.md, docs/http-api.md): every answer must fit
// docs/openapi.json, and at its end every operation must have been met.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Contract } from './contract.js';
import { eventually, pngSize, startStack } from './stack.js';

const contract = new Contract();
let stack;
let events;

const ask = (method, path, status = 200, body) => contract.ask(stack.url, method, path, status, body);
const caption = (hld) => ({
  high_level_description: hld,
  compositional_deconstruction: { background: 'plain white', elements: [] },
});
const item = (hld, more = {}) => ({
  caption: caption(hld),
  width: 256,
  height: 256,
  preset: 'V4_TURBO_12',
  format: 'png',
  ...more,
});

// Reads the stream until it is closed; each event's data must fit its schema.
function listen(url) {
  const schemas = {
    hello: 'EventHello',
    queue: 'EventQueue',
    job: 'Job',
    preview: 'EventPreview',
    image: 'EventImage',
    model: 'ModelStatus',
    lora: 'LoraStatus',
    resync: 'EventResync',
  };
  const controller = new AbortController();
  const got = { kinds: new Set(), error: null, close: () => controller.abort() };
  const take = (block) => {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'));
    const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const kind = field('event');
    if (!kind) return;
    contract.checkNamed(schemas[kind], JSON.parse(field('data')));
    assert.ok(field('id'));
    got.kinds.add(kind);
  };
  got.done = (async () => {
    const answer = await fetch(`${url}/api/events`, { signal: controller.signal });
    contract.check('GET', '/api/events', answer.status, answer.headers.get('content-type'));
    let text = '';
    for await (const chunk of answer.body) {
      text += Buffer.from(chunk).toString('utf8');
      const blocks = text.split('\n\n');
      text = blocks.pop();
      blocks.forEach(take);
    }
  })().catch((error) => {
    if (error.name !== 'AbortError') got.error = error;
  });
  return got;
}

async function ended(id) {
  return eventually(async () => {
    const job = await ask('GET', `/api/queue/${id}`);
    return ['done', 'failed', 'cancelled'].includes(job.state) && job;
  }, `the end of job ${id}`);
}

before(async () => {
  stack = await startStack();
  events = listen(stack.url);
  await eventually(() => events.kinds.has('hello') || events.error, 'hello');
});

after(async () => {
  events.close();
  await events.done;
  assert.equal(events.error, null);
  assert.deepEqual(await stack.stop(), [0, 0]);
});

test('the machine says what it can do', async () => {
  await ask('GET', '/api/model/status');
  await ask('GET', '/api/capabilities');
  await ask('GET', '/api/estimate?width=256&height=256&preset=V4_TURBO_12');
  await ask('POST', '/api/model/idle', 200, { minutes: 30 });
  await ask('POST', '/api/model/idle', 422, { minutes: -1 });
  await ask('POST', '/api/model/load');
  await eventually(async () => (await ask('GET', '/api/model/status')).state === 'loaded', 'the model');
  await ask('GET', '/v1/models');
  await ask('GET', '/v1/models/ideogram-4');
  await ask('GET', '/v1/models/none', 404);
});

test('LoRA, captions and upscaling answer', async () => {
  await ask('GET', '/api/lora/status');
  await ask('GET', '/api/lora/presets');
  const { task_id: download } = await ask('POST', '/api/lora/download', 200, { preset_id: 'x' });
  await ask('GET', `/api/lora/download/${download}`);
  await ask('GET', '/api/lora/download/none');
  await ask('POST', '/api/lora/apply', 200, {});
  const { task_id: operation } = await ask('POST', '/api/lora/remove');
  await eventually(
    async () => (await ask('GET', `/api/lora/operation/${operation}`)).state === 'done',
    'the LoRA operation',
  );
  await ask('GET', '/api/lora/operation/none');
  await ask('POST', '/api/verify', 200, { caption: {} });
  await ask('POST', '/api/verify', 422, { caption: 1 });
  await ask('GET', '/api/magic-prompt/status');
  await ask('POST', '/api/magic-prompt', 400, { prompt: 'a cat' });
  await ask('GET', '/api/upscale/status');
  await ask('GET', '/api/upscale/none', 404);
  await ask('POST', '/api/upscale', 404, { image_id: 999 });
});

test('the queue takes, moves, changes, cancels and restores jobs', async () => {
  await ask('POST', '/api/queue/pause');
  const added = await ask('POST', '/api/queue', 201, {
    items: [
      item('first', { client_id: 'walk', seed: 1, repeat: 2 }),
      item('second', { caption: 'a plain prompt', format: 'webp', loras: [] }),
      item('third', { form_json: '{"hld":"third"}', hld: 'third' }),
    ],
  });
  assert.equal(added.jobs.length, 4);
  const again = await ask('POST', '/api/queue', 201, {
    items: [item('first', { client_id: 'walk', seed: 1, repeat: 2 })],
  });
  assert.deepEqual(again.jobs.map((job) => job.id), added.jobs.slice(0, 2).map((job) => job.id));
  const [one, two, three, four] = added.jobs.map((job) => job.id);
  await ask('PATCH', `/api/queue/${four}`, 200, { before: one });
  await ask('PATCH', `/api/queue/${two}`, 200, { seed: 99, at: 'end' });
  await ask('PATCH', '/api/queue/999', 404, { at: 'end' });
  const queue = await ask('GET', '/api/queue');
  assert.deepEqual(queue.pending.map((job) => job.id), [four, one, three, two]);
  assert.equal((await ask('DELETE', `/api/queue/${three}`)).state, 'cancelled');
  await ask('POST', '/api/queue/restore', 200, { ids: [three] });
  assert.equal((await ask('POST', '/api/queue/cancel', 200, { scope: 'pending' })).cancelled.length, 4);
  await ask('POST', '/api/queue/restore', 200, { ids: [one, three, four] });
  await ask('POST', '/api/queue/resume');
  const jobs = await Promise.all([one, three, four].map(ended));
  jobs.forEach((job) => assert.equal(job.state, 'done', job.error));
  await ask('POST', '/api/queue', 422, { items: [item('bad', { width: 17 })] });
  await ask('POST', '/api/queue', 422, { items: 7 });
  await ask('DELETE', '/api/queue/999', 404);
  await ask('GET', '/api/queue/999', 404);
  await ask('GET', '/api/queue/x', 422);
});

test('a running job has previews, and can be cancelled and repeated', async () => {
  const { jobs } = await ask('POST', '/api/queue', 201, {
    items: [item('long', { width: 1024, height: 1024, preset: 'V4_QUALITY_48' })],
  });
  const [{ id }] = jobs;
  await eventually(async () => (await ask('GET', `/api/queue/${id}`)).preview_step !== null, 'a preview');
  const preview = await ask('GET', `/api/queue/${id}/preview`);
  assert.equal(preview.toString('hex', 0, 3), 'ffd8ff');
  await ask('POST', '/api/queue/cancel', 200, { scope: 'current' });
  assert.equal((await ended(id)).state, 'cancelled');
  await ask('GET', `/api/queue/${id}/preview`, 204);
  await ask('POST', '/api/queue/pause');
  await ask('POST', `/api/queue/${id}/retry`, 201, { seed: 'new', count: 2 });
  await ask('POST', '/api/queue/cancel', 200, { scope: 'all' });
  await ask('POST', '/api/queue/resume');
  await ask('DELETE', '/api/queue/finished');
  await ask('GET', '/api/queue');
});

test('the library is paged, searched, changed and tagged', async () => {
  const page = await ask('GET', '/api/library?flag=any&limit=2');
  assert.equal(page.items.length, 2);
  await ask('GET', `/api/library?flag=any&limit=2&cursor=${encodeURIComponent(page.next)}`);
  await ask('GET', '/api/library?cursor=nonsense', 422);
  const [{ id }, { id: other }] = page.items;
  await ask('PATCH', `/api/library/${id}`, 200, {
    title: 'Night',
    rating: 4,
    fav: true,
    tags: ['cats', 'night'],
  });
  const found = await ask('GET', '/api/library?flag=any&q=night&rating=3&fav=1&tag=cats&ratio=square');
  assert.deepEqual(found.items.map((one) => one.id), [id]);
  await ask('GET', `/api/library/${id}`);
  await ask('GET', '/api/library/999', 404);
  await ask('GET', '/api/library/tags?q=ca');
  await ask('GET', '/api/library/timeline?unit=month&flag=any');
  await ask('GET', '/api/library/timeline?flag=any');
  await ask('POST', '/api/library/bulk', 200, { ids: [id, other], set: { add_tags: ['both'], rating: 2 } });
  await ask('POST', '/api/library/bulk', 200, { filter: { tag: 'both', flag: 'any' }, set: { fav: false } });
  await ask('PATCH', `/api/library/${id}`, 200, { flag: 'real' });
});

test('pictures have thumbnails, recipes and a way back', async () => {
  const { items } = await ask('GET', '/api/library?flag=any&limit=50');
  const { id, w, h } = items.find((one) => one.format === 'png');
  const thumb = await ask('GET', `/api/images/${id}/thumb?w=160`);
  assert.equal(thumb.toString('latin1', 8, 12), 'WEBP');
  const file = await ask('GET', `/api/images/${id}/file`);
  assert.deepEqual(pngSize(file), [w, h]);
  const bare = await ask('GET', `/api/images/${id}/file?recipe=0`);
  assert.deepEqual(pngSize(bare), [w, h]);
  assert.ok(bare.length < file.length);
  const recipe = await ask('GET', `/api/images/${id}/recipe`);
  const imported = await ask('POST', '/api/import', 200, new Uint8Array(file));
  assert.equal(imported.seed, recipe.seed);
  await ask('POST', '/api/import', 422, new Uint8Array(bare));
  assert.equal((await ask('POST', '/api/import', 200, caption('x'))).kind, 'caption');
  await ask('GET', '/api/images/999/thumb', 404);
  await ask('GET', '/api/images/999/recipe', 404);
});

test('the trash takes, shows, gives back and forgets', async () => {
  const { items, total } = await ask('GET', '/api/library?flag=any');
  const images = items.slice(0, 2).map((one) => one.id);
  const [{ id: prompt }] = await ask('GET', '/api/prompts');
  const { trash_id: trash } = await ask('POST', '/api/trash', 200, { images, prompts: [prompt] });
  const shown = await ask('GET', '/api/trash?limit=10');
  assert.ok(shown.items.length >= 2);
  assert.ok((await ask('GET', '/api/library?flag=any')).total < total);
  await ask('POST', '/api/trash/restore', 200, { trash_id: trash });
  assert.equal((await ask('GET', '/api/library?flag=any')).total, total);
  await ask('POST', '/api/trash', 200, { images: images.slice(0, 1) });
  await ask('DELETE', '/api/trash', 200, { images: images.slice(0, 1) });
  await ask('DELETE', '/api/trash');
  await ask('GET', '/api/trash');
});

test("the original's routes answer as they did", async () => {
  const { task_id: task } = await ask('POST', '/api/generate', 200, item('direct'));
  const done = await eventually(async () => {
    const status = await ask('GET', `/api/status/${task}`);
    return status.image && status;
  }, 'the direct picture');
  const image = done.image.id;
  await ask('POST', `/api/cancel/${task}`);
  await ask('GET', '/api/status/none');
  await ask('POST', '/api/generate', 422, { caption: 1 });
  const { prompt_id: prompt } = await ask('POST', `/api/images/${image}/attach-history`, 200, {
    hld: 'direct',
    form_json: '{}',
  });
  await ask('PATCH', `/api/images/${image}`, 200, { prompt_id: prompt });
  await ask('GET', `/api/images?prompt_id=${prompt}`);
  await ask('GET', '/api/images?linked_only=1&orphans_only=1', 400);
  await ask('GET', '/api/images/stats');
  const rows = await ask('GET', '/api/images?limit=0');
  await ask('GET', `/outputs/${rows[0].file_path}`);
  await ask('GET', '/outputs/none.png', 404);
  const { id: other } = await ask('POST', '/api/prompts', 200, { hld: 'x', form_json: '{}' });
  await ask('GET', `/api/prompts/${other}`);
  await ask('GET', '/api/prompts?limit=1&q=x');
  await ask('DELETE', `/api/prompts/${other}`);
  const { id: favorite } = await ask('POST', '/api/favorites', 200, { image_id: image });
  await ask('GET', '/api/favorites');
  await ask('GET', `/api/favorites/${favorite}`);
  await ask('DELETE', `/api/favorites/images/${image}`);
  await ask('DELETE', `/api/favorites/prompts/${prompt}`);
  await ask('POST', '/api/form', 200, { form_json: '{"a":1}' });
  await ask('GET', '/api/form');
  await ask('DELETE', `/api/images/${image}`);
  await ask('DELETE', '/api/images/orphans');
});

test('pictures in the form of OpenAI come too', async () => {
  await ask('POST', '/v1/images/generations', 200, {
    prompt: 'a red circle',
    size: '256x256',
    quality: 'low',
  });
  await ask('POST', '/v1/images/generations', 400, { prompt: '' });
  await ask('POST', '/api/model/unload');
});

test('every kind of event came that had a reason', async () => {
  await eventually(() => events.error || ['hello', 'queue', 'job', 'preview', 'image', 'model'].every((kind) => events.kinds.has(kind)), 'all kinds of events');
  assert.equal(events.error, null);
});

test('every operation of openapi.json was met', () => {
  // They need programs that are not here: a language model, an upscaler.
  const away = ['POST /api/magic-prompt', 'POST /api/upscale', 'GET /api/upscale/{task_id}'];
  const missed = contract.operations().filter((name) => !contract.seen.has(name) && !away.includes(name));
  assert.deepEqual(missed, []);
});
