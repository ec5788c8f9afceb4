// The layout mode of the inspector.
export function LayoutMode() {
  return null;
}
