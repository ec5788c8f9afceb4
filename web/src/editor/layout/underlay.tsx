import { useCanvas } from './state';

/** A picture to draw over. */
export function Underlay() {
  const underlay = useCanvas((s) => s.underlay);
  if (!underlay) return null;
  return (
    <img
      src={underlay.url}
      alt=""
      style={{ opacity: underlay.opacity }}
      className="pointer-events-none absolute inset-0 size-full object-cover"
    />
  );
}
