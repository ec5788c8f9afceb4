// The real programs in a throw-away project root on free ports, with the demo model. What to start
// comes from IDEOGRAM4D, IDEOGRAM4_GATEWAY and IDEOGRAM4_SOURCE (the repository).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const source = process.env.IDEOGRAM4_SOURCE;
const patience = 60_000;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function environment(settings) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(IDEOGRAM4_|HF_)/.test(name));
  const ours = Object.entries(settings).map(([name, value]) => [`IDEOGRAM4_${name}`, `${value}`]);
  return Object.fromEntries([...kept, ...ours]);
}

// Starts a program and waits until it says where it listens.
function start(program, env) {
  const child = spawn(program, [], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why) => reject(new Error(`${program} ${why}: ${said}`));
    const timer = setTimeout(() => fail('is not ready'), patience);
    const listen = (chunk) => {
      said += chunk;
      const found = / on http:\/\/127\.0\.0\.1:(\d+)\s/.exec(said);
      if (found) {
        clearTimeout(timer);
        resolve({ child, port: Number(found[1]) });
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => fail(`ended with ${code}`));
  });
}

function stop({ child }) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve(child.exitCode);
      return;
    }
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}

// settings: variables without their prefix.
export async function startStack(settings = {}) {
  const root = mkdtempSync(join(tmpdir(), 'ideogram4-clients-'));
  const daemonPort = await freePort();
  const env = environment({
    ROOT: root,
    DB_PATH: join(root, 'library.db'),
    OUTPUT_DIR: join(root, 'output'),
    SPOOL_DIR: join(root, 'spool'),
    LORA_DIR: join(root, 'loras'),
    DEMO_MODEL: join(source, 'models/demo'),
    MAGIC_PROMPT_DIR: join(source, 'prompts'),
    MODEL_DAEMON_PORT: daemonPort,
    MODEL_DAEMON_URL: `http://127.0.0.1:${daemonPort}`,
    SERVER_PORT: 0,
    WEBUI_PORT: 0,
    ...settings,
  });
  const daemon = await start(process.env.IDEOGRAM4D, env);
  const gateway = await start(process.env.IDEOGRAM4_GATEWAY, env);
  return {
    url: `http://127.0.0.1:${gateway.port}`,
    async stop() {
      const codes = [await stop(gateway), await stop(daemon)];
      rmSync(root, { recursive: true, force: true });
      return codes;
    },
  };
}

// Looks until `look` answers something true, for a minute at most.
export async function eventually(look, what) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > until) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Width and height from the header of a PNG.
export function pngSize(bytes) {
  const mark = '89504e470d0a1a0a';
  if (bytes.subarray(0, 8).toString('hex') !== mark || bytes.toString('latin1', 12, 16) !== 'IHDR') {
    throw new Error('this is no PNG');
  }
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}
