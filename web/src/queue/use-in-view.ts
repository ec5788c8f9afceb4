// Whether something has come into view: what it needs from the server is asked for only then, and
// what is costly to draw is drawn only then.
import { useEffect, useState, type RefObject } from 'react';

const MARGIN = '480px 0px'; // somewhat before it is seen

export function useInView(ref: RefObject<Element | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element || seen) return;
    const watch = new IntersectionObserver(
      (entries) => {
        if (entries.some((e) => e.isIntersecting)) setSeen(true);
      },
      { root: element.closest('[data-scroller]'), rootMargin: MARGIN },
    );
    watch.observe(element);
    return () => watch.disconnect();
  }, [ref, seen]);
  return seen;
}
