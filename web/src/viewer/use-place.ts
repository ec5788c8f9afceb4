// Which picture of a list is shown while the list changes: pictures go to the trash, new ones come.
// The picture stays the same one wherever it stands.
import { useEffect, useRef } from 'react';

/** Where the picture is now that the list is another one; the same place when it is gone. */
export function placeOfId(ids: number[], id: number | undefined, index: number): number {
  const at = id === undefined ? -1 : ids.indexOf(id);
  return at >= 0 ? at : Math.min(index, ids.length - 1);
}

export function usePlace(ids: number[], index: number, onIndex: (index: number) => void): void {
  const before = useRef({ index, id: ids[index] });
  useEffect(() => {
    const { index: oldIndex, id } = before.current;
    const now = ids[index];
    if (index === oldIndex && now !== id) {
      const place = placeOfId(ids, id, index);
      if (place !== index && place >= 0) {
        before.current = { index: place, id: ids[place] };
        onIndex(place);
        return;
      }
    }
    before.current = { index, id: now };
  }, [ids, index, onIndex]);
}
