// After the build: every text file gets a gzip twin for the gateway to serve, and the first load is
// weighed against the budget.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const INITIAL_LIMIT = 230_000; // gzip bytes of the script that the first paint needs

function* files(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

for (const path of files(dist)) {
  if (!/\.(js|css|svg|json|webmanifest)$/.test(path)) continue;
  const packed = gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION });
  writeFileSync(`${path}.gz`, packed);
}

const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'));
const seen = new Set();
function weigh(key) {
  if (seen.has(key)) return 0;
  seen.add(key);
  const chunk = manifest[key];
  return statSync(join(dist, `${chunk.file}.gz`)).size + (chunk.imports ?? []).map(weigh).reduce((a, b) => a + b, 0);
}
const initial = weigh('index.html');
console.log(`first script: ${(initial / 1000).toFixed(1)} kB gzip of ${INITIAL_LIMIT / 1000}`);
if (initial > INITIAL_LIMIT) process.exit(1);
