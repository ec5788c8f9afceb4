// The browser's own way to pick a file, behind a button that clicks it.
import type { Ref } from 'react';

export function FileInput({ ref, accept, testId, onPick }: { ref: Ref<HTMLInputElement>; accept: string; testId: string; onPick: (file: File) => void }) {
  return (
    <input
      ref={ref}
      type="file"
      accept={accept}
      tabIndex={-1}
      aria-hidden
      data-testid={testId}
      className="hidden"
      onChange={(e) => {
        const picked = e.target.files?.[0];
        e.target.value = '';
        if (picked) onPick(picked);
      }}
    />
  );
}
