// Room for pictures that are on their way; not shown when they come at once.
import { useEffect, useState } from 'react';

const AFTER_MS = 150;
const RATIOS = [1, 1.5, 0.67, 1, 1.78, 0.8, 1, 1.25, 1.5, 0.67, 1, 1.78];

export function useLate(): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return isLate;
}

export function GridSkeleton({ rowHeight, label }: { rowHeight: number; label: string }) {
  const isLate = useLate();
  return (
    <div aria-busy aria-label={label} role="status" className="min-h-0 flex-1 overflow-hidden px-4 pt-11 max-tablet:px-2">
      {isLate && (
        <div className="flex flex-wrap gap-1">
          {[...RATIOS, ...RATIOS].map((ratio, i) => (
            <span
              // oxlint-disable-next-line react/no-array-index-key -- nothing else tells them apart
              key={i}
              className="grow bg-sunken"
              style={{ height: rowHeight, width: rowHeight * ratio }}
            />
          ))}
        </div>
      )}
    </div>
  );
}
