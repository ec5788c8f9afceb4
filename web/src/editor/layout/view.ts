// Zoom and place of the picture on the stage, in pixels from the middle of the stage.
import { FIT, ZOOM_MAX, setCanvas, useCanvas, type View } from './state';

const ZOOM_MIN = 0.5;

/** Zooms so that what is at `point` stays there. */
export function zoomAbout(view: View, point: { x: number; y: number }, factor: number): View {
  const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, view.zoom * factor));
  const by = zoom / view.zoom;
  return { zoom, x: point.x - (point.x - view.x) * by, y: point.y - (point.y - view.y) * by };
}

export function zoomBy(factor: number): void {
  setCanvas({ view: zoomAbout(useCanvas.getState().view, { x: 0, y: 0 }, factor) });
}

export const zoomFit = (): void => setCanvas({ view: FIT });
