// The rules beside the page's own thread.
import { lint, type Limits, type Size } from './lint';

export interface LintQuestion {
  id: number;
  text: string;
  size: Size;
  limits: Limits;
}

self.onmessage = (e: MessageEvent<LintQuestion>) => {
  const { id, text, size, limits } = e.data;
  self.postMessage({ id, findings: lint(text, size, limits) });
};
