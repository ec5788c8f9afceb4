import { useEffect, useState } from 'react';

/** The last of the addresses that has loaded, so that a picture never gives way to an empty place. */
export function useLoaded<T extends { url: string }>(wanted: T | null): T | null {
  const [loaded, setLoaded] = useState<T | null>(null);
  const url = wanted?.url;
  useEffect(() => {
    if (!wanted || !url) return;
    const image = new Image();
    image.onload = () => setLoaded(wanted);
    image.src = url;
    return () => {
      image.onload = null;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the address is what counts
  }, [url]);
  return loaded;
}
