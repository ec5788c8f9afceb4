// The parser's sentences in the language of the page.
import type { Words } from '@/i18n/en';

type Sentences = Words['tools']['jsonErrors'];

export function jsonMessage(message: string, t: Sentences): string {
  const fixed = (t.fixed as Record<string, string>)[message];
  if (fixed) return fixed;
  const unexpected = /^unexpected '(.*)'$/s.exec(message);
  if (unexpected) return t.unexpected(unexpected[1] ?? '');
  const noValue = /^'(.*)' is no JSON value$/s.exec(message);
  return noValue ? t.noValue(noValue[1] ?? '') : message;
}
