// Where a picture stands in a window: scale and place of its top left corner, in window pixels.

export interface View {
  scale: number; // window pixels for one of the picture
  x: number;
  y: number;
}
export interface Size {
  w: number;
  h: number;
}
export interface Point {
  x: number;
  y: number;
}

const FIT_MOST = 2; // small pictures are not blown up further by themselves
export const SCALE_MAX = 16;
export const SHARP_FROM = 2; // original pixels above

export function fit(picture: Size, room: Size): View {
  const scale = Math.min(room.w / Math.max(1, picture.w), room.h / Math.max(1, picture.h), FIT_MOST);
  return centred(picture, room, scale > 0 && Number.isFinite(scale) ? scale : 1);
}

export function centred(picture: Size, room: Size, scale: number): View {
  return { scale, x: (room.w - picture.w * scale) / 2, y: (room.h - picture.h * scale) / 2 };
}

/** Keeps at least half of what could be seen of it in the window. */
export function within(view: View, picture: Size, room: Size): View {
  const axis = (at: number, length: number, space: number) => {
    const keep = Math.min(length, space) / 2;
    return Math.min(space - keep, Math.max(keep - length, at));
  };
  return {
    scale: view.scale,
    x: axis(view.x, picture.w * view.scale, room.w),
    y: axis(view.y, picture.h * view.scale, room.h),
  };
}

/** Another scale with what lies under `point` staying there. */
export function zoomAt(view: View, factor: number, point: Point, picture: Size, room: Size): View {
  const least = Math.min(fit(picture, room).scale, 1);
  const scale = Math.min(SCALE_MAX, Math.max(least, view.scale * factor));
  const by = scale / view.scale;
  if (scale === fit(picture, room).scale) return fit(picture, room);
  return within(
    { scale, x: point.x - (point.x - view.x) * by, y: point.y - (point.y - view.y) * by },
    picture,
    room,
  );
}

export const isFit = (view: View, picture: Size, room: Size): boolean =>
  Math.abs(view.scale - fit(picture, room).scale) < 0.001;
