// What the scenarios share: the real programs on a throw-away root and free ports, Debian's
// Chromium, and a page that fails its scenario when anything goes wrong that nobody looks at: an
// uncaught error, a console error, a request to another origin, a violation of the policy.
//
// Environment: IDEOGRAM4D and IDEOGRAM4_GATEWAY (programs), IDEOGRAM4_WEB_DIR (built page),
// IDEOGRAM4_LOOKS (folder for a screenshot of every page of a failed scenario), IDEOGRAM4_TRIES.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';

export const source = new URL('../../', import.meta.url).pathname;
export const programs = process.env.IDEOGRAM4_PROGRAMS ?? join(source, 'build/release/programs');
const daemonProgram = process.env.IDEOGRAM4D ?? join(programs, 'ideogram4d');
const gatewayProgram = process.env.IDEOGRAM4_GATEWAY ?? join(programs, 'ideogram4-gateway');
const webDir = process.env.IDEOGRAM4_WEB_DIR ?? join(source, 'web/dist');
const chrome = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const VIEWPORTS = {
  desktop: { viewport: { width: 1440, height: 900 } },
  laptop: { viewport: { width: 1100, height: 800 } },
  tablet: { viewport: { width: 820, height: 1180 }, hasTouch: true },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function eventually(what, look, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const result = await Promise.resolve(look()).catch(() => undefined);
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
export { eventually };

/** Daemon and gateway; each can be stopped, killed and started again. */
export class Stack {
  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'ideogram4-e2e-'));
    this.env = {};
    this.running = new Map();
  }

  path(...parts) {
    return join(this.root, ...parts);
  }

  async begin(env = {}) {
    for (const folder of ['output', 'spool', 'loras', 'logs']) mkdirSync(this.path(folder));
    this.port = await freePort();
    this.daemonPort = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(([key]) => !key.startsWith('IDEOGRAM4_')),
    );
    this.env = {
      ...clean,
      IDEOGRAM4_ROOT: this.root,
      IDEOGRAM4_DEMO_MODEL: join(source, 'models/demo'),
      IDEOGRAM4_DB_PATH: this.path('data.db'),
      IDEOGRAM4_OUTPUT_DIR: this.path('output'),
      IDEOGRAM4_SPOOL_DIR: this.path('spool'),
      IDEOGRAM4_LORA_DIR: this.path('loras'),
      IDEOGRAM4_LOG_DIR: this.path('logs'),
      IDEOGRAM4_SERVER_PORT: String(this.port),
      IDEOGRAM4_WEBUI_PORT: '0',
      IDEOGRAM4_MODEL_DAEMON_PORT: String(this.daemonPort),
      IDEOGRAM4_MODEL_DAEMON_URL: `http://127.0.0.1:${this.daemonPort}`,
      IDEOGRAM4_WEB_DIR: webDir,
      IDEOGRAM4_DEFAULT_PRESET: 'V4_TURBO_12',
      ...env,
    };
    return this;
  }

  start(name, program) {
    const child = spawn(program, [], { env: this.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (bytes) => (said = (said + bytes).slice(-4000)));
    child.said = () => said;
    child.ended = new Promise((done) => child.once('exit', done));
    this.running.set(name, child);
  }

  async startDaemon() {
    this.start('daemon', daemonProgram);
    await eventually('the daemon answers', async () => (await fetch(`http://127.0.0.1:${this.daemonPort}/health`)).ok);
  }

  async startGateway() {
    this.start('gateway', gatewayProgram);
    await eventually('the gateway answers', async () => (await fetch(`${this.url}/api/queue`)).ok);
  }

  async startBoth() {
    await this.startDaemon();
    await this.startGateway();
  }

  async stop(name, signal = 'SIGTERM') {
    const child = this.running.get(name);
    if (!child) return;
    this.running.delete(name);
    child.kill(signal);
    await child.ended;
  }

  kill(name) {
    return this.stop(name, 'SIGKILL');
  }

  async end() {
    await Promise.all([...this.running.keys()].map((name) => this.stop(name)));
    rmSync(this.root, { recursive: true, force: true });
  }

  async api(path, body, method) {
    const response = await fetch(this.url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** A picture drawn over the API, not by the page; its job. */
  async draw(item = {}) {
    const { jobs } = await this.api('/api/queue', { items: [{ caption: CAPTION, width: 256, height: 256, preset: 'V4_TURBO_12', seed: 7, format: 'png', ...item }] });
    return this.finished(jobs[0].id);
  }

  finished(id) {
    return eventually(`job ${id} ends`, async () => {
      const job = await this.api(`/api/queue/${id}`);
      return ['done', 'failed', 'cancelled'].includes(job.state) ? job : undefined;
    }, 60);
  }
}

export const CAPTION = {
  high_level_description: 'A poster with the word HELLO above a red circle.',
  compositional_deconstruction: {
    background: 'plain cream',
    elements: [
      { type: 'text', bbox: [60, 80, 270, 920], text: 'HELLO', desc: 'bold navy letters' },
      { type: 'obj', bbox: [340, 240, 860, 760], desc: 'a red circle' },
    ],
  },
};

let browser;
async function theBrowser() {
  browser ??= await chromium.launch({
    executablePath: chrome,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  return browser;
}

/** Pages of one profile; `calm` failures are those that the scenario brings about itself. */
export class Profile {
  constructor(stack, context, options) {
    this.stack = stack;
    this.context = context;
    this.troubles = [];
    this.expected = options.expected ?? [];
  }

  static async open(stack, options = {}) {
    const context = await (await theBrowser()).newContext({
      ...VIEWPORTS[options.viewport ?? 'desktop'],
      colorScheme: options.colorScheme ?? 'light',
      locale: 'en-GB',
      ...options.context,
    });
    context.setDefaultTimeout(15_000);
    const profile = new Profile(stack, context, options);
    const note = (text) => {
      if (!profile.expected.some((pattern) => pattern.test(text))) profile.troubles.push(text);
    };
    const own = new URL(stack.url).host;
    await context.route(
      (url) => url.host !== own && url.protocol.startsWith('http'),
      (route) => {
        note(`a request to ${route.request().url()}`);
        return route.abort();
      },
    );
    context.on('page', (page) => {
      page.on('pageerror', (e) => note(`page error: ${e.message}`));
      page.on('console', (m) => {
        if (m.type() === 'error') note(`console: ${m.text()} (${m.location().url})`);
      });
    });
    return profile;
  }

  /** From here on these are no troubles: what the scenario itself breaks. */
  expect(...patterns) {
    this.expected.push(...patterns);
  }

  async page(path = '/') {
    const page = await this.context.newPage();
    await page.goto(this.stack.url + path);
    return page;
  }

  /** What the pages showed when a scenario failed, for whoever looks for the reason. */
  async keepLooks(name) {
    const folder = process.env.IDEOGRAM4_LOOKS;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    for (const [at, page] of this.context.pages().entries()) {
      await page.screenshot({ path: join(folder, `${name.replace(/\W+/g, '-')}-${at}.png`) }).catch(() => undefined);
    }
    if (this.troubles.length > 0) console.error(this.troubles.join('\n'));
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.troubles, []);
  }
}

async function attempt(name, options, run) {
  const stack = await new Stack().begin(options.env);
  try {
    if (options.prepare) await options.prepare(stack);
    if (options.start !== false) await stack.startBoth();
    const profile = await Profile.open(stack, options);
    try {
      await run({ stack, profile, page: options.start === false ? null : await profile.page(options.path) });
    } catch (failure) {
      await profile.keepLooks(name);
      throw failure;
    }
    await profile.close();
  } finally {
    await stack.end();
  }
}

/**
 * One scenario of the specification: `run` gets a started stack and a profile. Everything is ended
 * afterwards, and nothing may have gone wrong unseen. Where IDEOGRAM4_TRIES allows more than one try
 * a failure is told all the same, and counted by who runs them all.
 */
export function scenario(name, options, run) {
  if (typeof options === 'function') [options, run] = [{}, options];
  const tries = Number(process.env.IDEOGRAM4_TRIES ?? 1);
  test(name, { timeout: tries * (options.timeout ?? 180_000) }, async () => {
    for (let number = 1; ; number++) {
      try {
        await attempt(name, options, run);
        return;
      } catch (failure) {
        if (number >= tries) throw failure;
        console.log(`tried again: ${name}: ${failure.message}`);
      }
    }
  });
}

after(async () => {
  await browser?.close();
});
