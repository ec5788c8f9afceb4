// Finds the main colours of pixels beside the page's own thread.
import { mainColours, type ExtractQuestion } from './extract';

self.onmessage = (e: MessageEvent<ExtractQuestion>) => {
  self.postMessage(mainColours(e.data.pixels, e.data.count));
};
