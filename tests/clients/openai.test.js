// OpenAI's own client against the running programs (docs/api.md 6).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI, { APIError, BadRequestError, NotFoundError } from 'openai';
import { Contract } from './contract.js';
import { pngSize, startStack } from './stack.js';

const contract = new Contract();
let stack;
let client;

before(async () => {
  stack = await startStack();
  client = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: 'any', maxRetries: 0, timeout: 60_000 });
});

after(async () => {
  assert.deepEqual(await stack.stop(), [0, 0]);
});

const order = { prompt: 'a red circle on a white background', size: '256x256', quality: 'low' };

test('models are listed and found', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    contract.checkNamed('OpenAIModel', model);
    ids.push(model.id);
  }
  assert.ok(ids.includes('ideogram-4'));
  assert.equal((await client.models.retrieve(ids[0])).id, ids[0]);
  await assert.rejects(client.models.retrieve('none'), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
});

test('a picture comes as base64', async () => {
  const answer = await client.images.generate({ ...order, size: '320x256' });
  contract.checkNamed('OpenAIImages', answer);
  assert.equal(answer.data.length, 1);
  assert.deepEqual(pngSize(Buffer.from(answer.data[0].b64_json, 'base64')), [320, 256]);
  assert.equal(answer.size, '320x256');
  assert.equal(answer.quality, 'low');
});

test('several pictures come as addresses, each with its own seed', async () => {
  const answer = await client.images.generate({ ...order, n: 2, response_format: 'url', seed: 7 });
  contract.checkNamed('OpenAIImages', answer);
  assert.equal(answer.data.length, 2);
  for (const { url } of answer.data) {
    const file = await fetch(url);
    assert.equal(file.status, 200);
    assert.deepEqual(pngSize(Buffer.from(await file.arrayBuffer())), [256, 256]);
  }
  const page = await contract.ask(stack.url, 'GET', '/api/library?flag=any&limit=2', 200);
  assert.deepEqual(page.items.map((item) => item.seed).sort(), [7, 8]);
  const queue = await contract.ask(stack.url, 'GET', '/api/queue', 200);
  assert.ok(queue.finished.every((job) => job.origin === 'openai' && job.state === 'done'));
});

test('a picture has the format that was asked for', async () => {
  const answer = await client.images.generate({ ...order, output_format: 'webp' });
  const bytes = Buffer.from(answer.data[0].b64_json, 'base64');
  assert.equal(answer.output_format, 'webp');
  assert.equal(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 12), 'RIFFWEBP');
});

test('auto is the size that the machine names', async () => {
  const { size } = await contract.ask(stack.url, 'GET', '/api/capabilities', 200);
  const answer = await client.images.generate({ ...order, size: 'auto' });
  assert.equal(answer.size, `${size.default}x${size.default}`);
});

test('a caption is drawn as one', async () => {
  const caption = {
    high_level_description: 'A blue square.',
    compositional_deconstruction: {
      background: 'plain white',
      elements: [{ type: 'obj', bbox: [200, 200, 800, 800], desc: 'a blue square' }],
    },
  };
  await client.images.generate({ ...order, prompt: JSON.stringify(caption) });
  const queue = await contract.ask(stack.url, 'GET', '/api/queue', 200);
  assert.equal(queue.finished[0].hld, 'A blue square.');
  const job = await contract.ask(stack.url, 'GET', `/api/queue/${queue.finished[0].id}`, 200);
  assert.deepEqual(typeof job.caption === 'string' ? JSON.parse(job.caption) : job.caption, caption);
});

test('a stream brings previews, then the picture', async () => {
  const stream = await client.images.generate({
    ...order,
    size: '512x512',
    stream: true,
    partial_images: 2,
  });
  const partials = [];
  let completed;
  for await (const event of stream) {
    if (event.type === 'image_generation.partial_image') {
      contract.checkNamed('OpenAIPartial', event);
      assert.equal(event.partial_image_index, partials.length);
      assert.equal(Buffer.from(event.b64_json, 'base64').toString('hex', 0, 3), 'ffd8ff');
      partials.push(event);
    } else {
      contract.checkNamed('OpenAICompleted', event);
      completed = event;
    }
  }
  assert.ok(partials.length >= 1 && partials.length <= 2);
  assert.deepEqual(pngSize(Buffer.from(completed.b64_json, 'base64')), [512, 512]);
});

test('a stream without previews brings each picture', async () => {
  const stream = await client.images.generate({ ...order, n: 2, stream: true });
  const types = [];
  for await (const event of stream) types.push(event.type);
  assert.deepEqual(types, ['image_generation.completed', 'image_generation.completed']);
});

test('a client that goes away stops nothing', async () => {
  const stream = await client.images.generate({ ...order, seed: 4711, stream: true });
  stream.controller.abort();
  for (;;) {
    const { items } = await contract.ask(stack.url, 'GET', '/api/library?flag=any&limit=1', 200);
    if (items[0].seed === 4711) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

async function refused(change, kind, status, param, code) {
  await assert.rejects(client.images.generate({ ...order, ...change }), (error) => {
    assert.ok(error instanceof kind, `${error}`);
    assert.equal(error.status, status);
    assert.equal(error.param, param);
    assert.equal(error.code, code);
    contract.checkNamed('OpenAIError', { error: error.error });
    return true;
  });
}

test('what is wrong with a request is said in the shape that the client knows', async () => {
  await refused({ size: '1000x1000' }, BadRequestError, 400, 'size', 'invalid_value');
  await refused({ size: 'large' }, BadRequestError, 400, 'size', 'invalid_value');
  await refused({ size: '16x999999' }, BadRequestError, 400, 'size', 'invalid_value');
  await refused({ prompt: ' ' }, BadRequestError, 400, 'prompt', 'invalid_value');
  await refused({ prompt: undefined }, BadRequestError, 400, 'prompt', 'missing_required_parameter');
  await refused({ prompt: 7 }, BadRequestError, 400, 'prompt', 'invalid_type');
  await refused({ caption: [] }, BadRequestError, 400, 'caption', 'invalid_type');
  await refused({ n: 11 }, BadRequestError, 400, 'n', 'invalid_value');
  await refused({ n: 'two' }, BadRequestError, 400, 'n', 'invalid_type');
  await refused({ quality: 'best' }, BadRequestError, 400, 'quality', 'invalid_value');
  await refused({ output_format: 'gif' }, BadRequestError, 400, 'output_format', 'invalid_value');
  await refused({ partial_images: 4, stream: true }, BadRequestError, 400, 'partial_images', 'invalid_value');
  await refused({ seed: 0.5 }, BadRequestError, 400, 'seed', 'invalid_type');
  await refused({ loras: ['x'] }, BadRequestError, 400, 'loras', 'invalid_type');
  await refused({ model: 'dall-e-9\u{1F3A8}'.repeat(30) }, NotFoundError, 404, 'model', 'model_not_found');
  await assert.rejects(client.images.generate({ ...order, size: '1000x1000' }), /1008x1008/);
});

test('a body that is no JSON, or too large, is refused in the same shape', async () => {
  const cases = [
    ['{"prompt":', 400],
    ['[]', 400],
    ['', 400],
    ['\xff', 400],
    [JSON.stringify({ prompt: 'x'.repeat(5 << 20) }), 413],
  ];
  for (const [body, status] of cases) {
    const answer = await fetch(`${stack.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(body, 'latin1'),
    });
    assert.equal(answer.status, status);
    contract.checkNamed('OpenAIError', await answer.json());
  }
});

test('more requests than can wait are told so, and streams still go', async () => {
  await contract.ask(stack.url, 'POST', '/api/queue/pause', 200);
  const waiting = Promise.allSettled([1, 2, 3, 4].map(() => client.images.generate(order)));
  const pending = async () => (await contract.ask(stack.url, 'GET', '/api/queue', 200)).pending;
  while ((await pending()).length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  await refused({}, APIError, 429, null, 'rate_limit_exceeded');
  const stream = await client.images.generate({ ...order, stream: true });
  while ((await pending()).length < 5) await new Promise((resolve) => setTimeout(resolve, 20));
  const doomed = (await pending())[0];
  await contract.ask(stack.url, 'DELETE', `/api/queue/${doomed.id}`, 200);
  await contract.ask(stack.url, 'POST', '/api/queue/resume', 200);
  const ends = await waiting;
  const failed = ends.filter((end) => end.status === 'rejected');
  assert.equal(failed.length, 1);
  assert.equal(failed[0].reason.code, 'generation_cancelled');
  for await (const event of stream) assert.equal(event.type, 'image_generation.completed');
});

test('an error within a stream is thrown by the client', async () => {
  await contract.ask(stack.url, 'POST', '/api/queue/pause', 200);
  const stream = await client.images.generate({ ...order, stream: true });
  const { pending } = await contract.ask(stack.url, 'GET', '/api/queue', 200);
  await contract.ask(stack.url, 'DELETE', `/api/queue/${pending[0].id}`, 200);
  await assert.rejects(
    async () => {
      for await (const event of stream) assert.fail(event.type);
    },
    (error) => error instanceof APIError && error.code === 'generation_cancelled',
  );
  await contract.ask(stack.url, 'POST', '/api/queue/resume', 200);
});
