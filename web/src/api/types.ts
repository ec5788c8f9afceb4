// What the gateway says and takes: docs/api.md and docs/http-api.md, whose words these are.

export interface LoraUse {
  name: string;
  strength: number;
}

export type JobState = 'pending' | 'running' | 'done' | 'failed' | 'cancelled';
export type Phase = 'waiting' | 'load' | 'lora' | 'encode' | 'denoise' | 'decode' | 'save';
export type Flag = 'blocked' | 'real' | null;

export interface Job {
  id: number;
  client_id: string | null;
  batch: string;
  origin: 'queue' | 'openai' | 'direct';
  state: JobState;
  cancelling: boolean;
  position: number | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  hld: string;
  width: number;
  height: number;
  preset: string;
  seed: number;
  format: string;
  loras: LoraUse[] | null;
  prompt_id: number | null;
  task_id: string | null;
  restarts: number;
  retry_of: number | null;
  image_id: number | null;
  flag: Flag;
  error: string | null;
  seconds: number | null;
  phase: Phase | null;
  step: number;
  steps: number;
  fraction: number;
  elapsed: number | null;
  eta: number | null;
  preview_step: number | null;
}

export interface WholeJob extends Job {
  caption: unknown;
  form_json: string | null;
}

export type BlockedCode =
  | 'daemon_unreachable'
  | 'slot_busy'
  | 'model_loading'
  | 'model_failed'
  | 'disk_full';

export interface Queue {
  revision: number;
  paused: boolean;
  blocked: { code: BlockedCode; error: string } | null;
  limit: number;
  running: Job[];
  pending: Job[];
  finished: Job[];
  eta: number | null;
}

export interface NewItem {
  client_id: string;
  caption: string | object;
  width: number;
  height: number;
  preset: string;
  seed: number | null;
  format: string;
  loras?: LoraUse[];
  prompt_id?: number;
  form_json: string;
  hld: string;
  repeat?: number;
}

export interface Item {
  id: number;
  w: number;
  h: number;
  created_at: string;
  hld: string;
  title: string | null;
  preset: string;
  seed: number;
  format: string;
  prompt_id: number | null;
  parent_image_id: number | null;
  fav: boolean;
  rating: number;
  tags: string[];
  flag: Flag;
  loras: LoraUse[];
  file: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total: number;
}

export interface Filters {
  q?: string;
  fav?: boolean;
  rating?: number;
  tag?: string[];
  preset?: string;
  from?: string;
  to?: string;
  ratio?: string;
  lora?: string;
  flag?: 'blocked' | 'any';
  prompt_id?: number | 'none';
}
export type Sort = 'newest' | 'oldest' | 'rating' | 'size';

export interface Entry {
  id: number;
  saved_at: string;
  hld: string;
  form_json: string;
  images: number;
  cover: number | null;
}

export interface Recipe {
  caption: unknown;
  caption_text: string | null;
  width: number | null;
  height: number | null;
  preset: string | null;
  steps: number | null;
  seed: number | null;
  loras: LoraUse[] | null;
  model: string | null;
  program: string | null;
  seconds: number | null;
  source?: 'file' | 'row';
}

export interface ModelStatus {
  state: 'idle' | 'loading' | 'loaded';
  msg: string;
  backend?: string;
  model_repo?: string;
  model_path?: string;
  quantization_bits?: number | null;
  memory?: { active: number | null; peak: number | null; available: number | null; needed: number | null } | null;
  last_error?: string | null;
  idle_unload?: { minutes: number; seconds_left: number } | null;
}

export interface Capabilities {
  version: string;
  model: { name: string; state: string; demo: boolean; precision: string | null; repository: string | null };
  size: { min: number; max: number; multiple: number; default: number; pixels: number };
  presets: { name: string; steps: number; label: string }[];
  formats: { name: string; lossless: boolean; quality: number | null }[];
  defaults: { preset: string; format: string; seed: number };
  limits: {
    caption_bytes: number;
    queue: number;
    palette: number;
    element_palette: number;
    loras: number;
    batch: number;
  };
  features: Record<
    'queue' | 'preview' | 'thumbs' | 'trash' | 'tags' | 'upscale' | 'magic_prompt' | 'lora' | 'openai',
    boolean
  >;
}
