import type { Words } from '../en';

export const lora: Words['lora'] = {
  title: 'LoRA',
  none: 'keine',
  open: 'LoRAs mischen',
  strength: (name: string) => `Stärke von ${name}`,
  on: (name: string) => `${name} verwenden`,
  up: (name: string) => `${name} nach oben`,
  down: (name: string) => `${name} nach unten`,
  remove: (name: string) => `${name} entfernen`,
  reset: 'Doppelklick: zurück zur üblichen Stärke',
  search: 'LoRA finden',
  missing: 'hier nicht installiert',
  clear: 'Alle entfernen',
  cleared: 'Alle LoRAs entfernt',
  inUse: (n: number, most: number) => `${n} von höchstens ${most} verwendet`,
  empty: 'Keine LoRA-Dateien installiert. Dateien mit .safetensors gehören in den LoRA-Ordner des Servers.',
  tooMany: (n: number) => `Höchstens ${n} zugleich.`,
  applying: 'LoRAs werden angewendet',
  groups: { identity: 'Personen', zjourney: 'zJourney', realism: 'Realismus', other: 'Andere' },
  hint: 'Teil dieses Dokuments: jeder Auftrag läuft mit seiner eigenen Mischung.',
  removed: (name: string) => `${name} entfernt`,
};
