// File names of LoRAs as people call them, and which belong together (A5).
export type LoraGroup = 'identity' | 'zjourney' | 'realism' | 'other';

export function groupOf(name: string): LoraGroup {
  const low = name.toLowerCase();
  if (low.startsWith('simpletuner_')) return 'identity';
  if (low.includes('zjourney')) return 'zjourney';
  return low.includes('realism') ? 'realism' : 'other';
}

/** "simpletuner_anna_v2_rank16_1024_step3000.safetensors" → "anna v2 rank16 1024 step3000". */
export function friendly(name: string): string {
  const bare = name
    .replace(/^.*[/\\]/, '')
    .replace(/\.(safetensors|gguf|npz|pt)$/i, '')
    .replace(/^simpletuner_/i, '')
    .replace(/^realism_engine_/i, 'RE ');
  return bare.replace(/[_\s]+/g, ' ').trim() || name;
}

/** The first number of the version, for the order in a group. */
export function versionOf(name: string): number {
  const found = /v(\d+(?:\.\d+)?)/i.exec(name) ?? /(\d+(?:\.\d+)?)/.exec(name);
  return found ? Number(found[1]) : 0;
}
