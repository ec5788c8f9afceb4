// What a job is called, and the state in which it is, as words of the page.
import { read } from '@/document/caption';
import { parse, type Json } from '@/document/json';
import type { Job, Queue } from '@/api/types';
import { clock, duration, shorten } from '@/lib/format';
import type { Words } from '@/i18n/en';

type QueueWords = Words['queue'];

const LABEL_MAX = 80;

/** The caption as a value, also when it came as text; null: it is a plain prompt or nothing. */
export function captionValue(caption: unknown): Json | null {
  if (typeof caption !== 'string') return (caption ?? null) as Json | null;
  const parsed = parse(caption);
  return parsed.ok ? parsed.root.value : null;
}

/** The description, else the literal texts, else a plain prompt, else null. */
export function captionTitle(caption: unknown): string | null {
  const value = captionValue(caption);
  if (value === null) return typeof caption === 'string' && caption.trim() !== '' ? caption.trim() : null;
  const parts = read(value);
  if (parts.hld.trim() !== '') return parts.hld.trim();
  const texts = parts.elements.map((e) => e.text.trim()).filter((t) => t !== '');
  return texts.length > 0 ? texts.join(' · ') : null;
}

export function jobLabel(job: Pick<Job, 'hld'>, untitled: string, caption?: unknown): string {
  const text = job.hld.trim() || captionTitle(caption) || untitled;
  return shorten(text.replace(/\s+/g, ' '), LABEL_MAX);
}

export function stateWord(t: QueueWords, job: Job, waitsForOther: boolean): string {
  if (job.cancelling && job.state === 'running') return t.cancelling;
  if (job.state === 'pending' && waitsForOther) return t.busyWait;
  if (job.state === 'running') return t.phases[job.phase ?? 'denoise'] ?? t.states.running;
  if (job.state === 'done' && job.flag === 'blocked') return t.blockedPicture;
  return t.states[job.state] ?? job.state;
}

/** What holds up the running job, where that is not its own affair; "": nothing. */
export function stuckWord(t: QueueWords, blocked: Queue['blocked']): string {
  if (blocked?.code === 'disk_full') return t.cannotSave;
  return blocked?.code === 'daemon_unreachable' ? t.phases.waiting : '';
}

/** "step 7 of 20", or nothing while there are none. */
export function stepText(t: QueueWords, job: Job): string {
  return job.phase === 'denoise' && job.steps > 0 ? t.steps(Math.min(job.step, job.steps), job.steps) : '';
}

export function leftText(t: QueueWords, seconds: number | null): string {
  return seconds === null ? t.estimating : t.left(`~${duration(seconds)}`);
}

export function doneText(t: QueueWords, seconds: number | null, now = Date.now()): string {
  return seconds === null ? '' : t.doneAbout(clock(new Date(now + seconds * 1000)));
}

export function allDoneText(t: QueueWords, seconds: number, now = Date.now()): string {
  return t.allDone(clock(new Date(now + seconds * 1000)));
}

export function loraText(job: Pick<Job, 'loras'>): string {
  return (job.loras ?? []).map((l) => `${l.name.replace(/\.safetensors$/, '')} ${l.strength}`).join(' + ');
}

export interface Blocked {
  text: string;
  action: 'try' | 'cancel' | null;
}

/** Why nothing starts, as one sentence, and what can be done about it. */
export function blockedText(t: QueueWords, blocked: Queue['blocked']): Blocked | null {
  if (!blocked) return null;
  const words = t.blocked;
  switch (blocked.code) {
    case 'slot_busy':
      return { text: words.slot_busy, action: 'cancel' };
    case 'model_loading':
      return { text: words.model_loading, action: null };
    case 'model_failed':
      return { text: words.model_failed(blocked.error), action: 'try' };
    case 'daemon_unreachable':
      return { text: words.daemon_unreachable, action: 'try' };
    case 'disk_full':
      return { text: words.disk_full, action: 'try' };
    default:
      return { text: words.other((blocked as { error: string }).error), action: 'try' };
  }
}

/** For a bug report: everything but the words of the prompt. */
export function jobDetails(job: Job, version: string): string {
  return [
    `ideogram4 ${version}`,
    `job ${job.id} (${job.origin}): ${job.state}${job.flag ? `, ${job.flag}` : ''}`,
    `error: ${job.error ?? 'none'}`,
    `${job.width}x${job.height}, ${job.preset}, ${job.format}, seed ${job.seed}`,
    `loras: ${loraText(job) || 'none'}`,
    `created ${job.created_at}, started ${job.started_at ?? '-'}, finished ${job.finished_at ?? '-'}`,
    `task ${job.task_id ?? '-'}, restarts ${job.restarts}, step ${job.step} of ${job.steps}`,
  ].join('\n');
}
