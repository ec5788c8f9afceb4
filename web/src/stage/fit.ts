// How large a picture of some ratio is drawn within an area.
export interface Size {
  width: number;
  height: number;
}

export function fit(area: Size, width: number, height: number, margin: number): Size {
  const w = Math.max(0, area.width - 2 * margin);
  const h = Math.max(0, area.height - 2 * margin);
  if (w === 0 || h === 0 || width <= 0 || height <= 0) return { width: 0, height: 0 };
  const by = Math.min(w / width, h / height);
  return { width: Math.round(width * by), height: Math.round(height * by) };
}
