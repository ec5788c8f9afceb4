// Files as programs make them: pictures with texts, LoRAs, an upscaler that only pretends.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { source } from './harness.mjs';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function sumOf(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function chunk(type, body) {
  const data = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(sumOf(data));
  return Buffer.concat([size, data, sum]);
}

const COLOURS = [[220, 40, 40], [30, 90, 200], [240, 200, 60], [20, 20, 20]];

/** A square picture of wide bands of colour; `texts` become tEXt chunks. */
export function bandsPng(side, texts = {}) {
  const row = 1 + side * 3;
  const rows = Buffer.alloc(side * row);
  for (let y = 0; y < side; y++) {
    const colour = COLOURS[Math.floor((y * COLOURS.length) / side)];
    for (let x = 0; x < side; x++) rows.set(colour, y * row + 1 + x * 3);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    ...Object.entries(texts).map(([key, text]) => chunk('tEXt', Buffer.from(`${key}\0${text}`, 'utf8'))),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A LoRA of the demo model, of rank 2, that changes next to nothing. */
export function loraFile() {
  const tensors = { lora_A: [2, 256], lora_B: [256, 2] };
  const header = {};
  let at = 0;
  for (const [part, shape] of Object.entries(tensors)) {
    const size = shape[0] * shape[1] * 4;
    header[`conditional_transformer.layers.0.attention.o.${part}.weight`] = { dtype: 'F32', shape, data_offsets: [at, at + size] };
    at += size;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const values = new Float32Array(at / 4).fill(0.001);
  return Buffer.concat([length, text, Buffer.from(values.buffer)]);
}

/** The settings for an upscaler that takes its time and gives a picture of four times 256. */
export function upscaler(folder) {
  mkdirSync(join(folder, 'models'), { recursive: true });
  for (const end of ['bin', 'param']) writeFileSync(join(folder, 'models', `realesrgan-x4plus.${end}`), 'x');
  writeFileSync(join(folder, 'large.png'), bandsPng(1024));
  const program = join(folder, 'realesrgan-ncnn-vulkan');
  const steps = [10, 40, 70, 95].map((n) => `echo "${n}.00%" >&2; sleep 0.7`).join('; ');
  writeFileSync(program, `#!/bin/sh\n${steps}\ncp "${join(folder, 'large.png')}" "$4"\n`);
  chmodSync(program, 0o755);
  return { IDEOGRAM4_UPSCALER_BIN: program, IDEOGRAM4_UPSCALER_MODEL_DIR: join(folder, 'models') };
}

/** Rows for the library, made before the gateway starts. */
export function seedLibrary(stack, rows) {
  const program = process.env.IDEOGRAM4_SEED_LIBRARY ?? join(source, 'build/release/tests/seed_library');
  const pictures = ['hello', 'red-circle', 'three-shapes', 'hex-rings', 'gradient-heart'].map((name) => `${name}.png`);
  for (const name of pictures) copyFileSync(join(source, 'models/demo/expected', name), stack.path('output', name));
  execFileSync(program, [stack.path('data.db'), stack.path('output'), String(rows), ...pictures]);
}

/** What is in a zip file whose files are only stored; its directory and sums must be right. */
export function zipEntries(bytes) {
  const end = bytes.length - 22;
  if (bytes.readUInt32LE(end) !== 0x06054b50) throw new Error('no end of the directory');
  const entries = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n--) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry of the directory');
    const [sum, size] = [bytes.readUInt32LE(at + 16), bytes.readUInt32LE(at + 24)];
    const [nameSize, offset] = [bytes.readUInt16LE(at + 28), bytes.readUInt32LE(at + 42)];
    const name = bytes.toString('utf8', at + 46, at + 46 + nameSize);
    if (bytes.readUInt32LE(offset) !== 0x04034b50) throw new Error(`no file ${name}`);
    const from = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    const data = bytes.subarray(from, from + size);
    if (sumOf(data) !== sum) throw new Error(`another sum for ${name}`);
    entries.push({ name, data });
    at += 46 + nameSize;
  }
  return entries;
}
