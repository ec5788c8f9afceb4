// The model in the rail: an icon whose dot is its state, and everything about it in a popover.
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { Cpu } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { modelQuery, queueQuery } from '@/api/queries';
import { useT } from '@/i18n';
import { later } from '@/ui/later';
import { isEngineGone } from './reach';

const LOADING_MS = 1000; // in case no events arrive
const WATCH_MS = 10_000;
const NARROW = '(max-width: 767px)'; // the rail is at the top

export type ModelState = 'idle' | 'loading' | 'loaded' | 'unknown' | 'failed';

export function useModelState(): ModelState {
  const { data, isError } = useQuery({
    ...modelQuery,
    refetchInterval: (q) => (q.state.data?.state === 'loading' ? LOADING_MS : WATCH_MS),
  });
  const { data: queue } = useQuery(queueQuery);
  if (isError || !data?.state || isEngineGone(queue, data)) return 'unknown';
  return data.state === 'idle' && data.last_error ? 'failed' : data.state;
}

// Shape as well as colour: an empty ring, a half, a full dot, a square.
function Dot({ state }: { state: ModelState }) {
  return (
    <span
      aria-hidden
      className={clsx(
        'absolute end-2 bottom-2 size-2.5 border-2 ring-2 ring-surface pointer-coarse:end-2.5 pointer-coarse:bottom-2.5',
        state === 'failed' ? 'rounded-[1px] border-bad bg-bad' : 'rounded-full',
        state === 'loaded' && 'border-ok bg-ok',
        state === 'loading' && 'animate-pulse border-accent border-e-transparent bg-surface',
        (state === 'idle' || state === 'unknown') && 'border-text-3 bg-surface',
        state === 'unknown' && 'border-dashed',
      )}
    />
  );
}

const ModelDetails = later(() => import('./details').then((m) => m.ModelDetails));

export function ModelPanel() {
  const t = useT().model;
  const state = useModelState();
  const [isOpen, setOpen] = useState(false);
  const text = state === 'failed' ? t.loadFailed : t.states[state];
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger
        data-testid="model-state"
        data-model={state}
        aria-label={t.button(text)}
        title={t.button(text)}
        className="relative flex size-10 items-center justify-center rounded-control text-text-2 hover:bg-sunken hover:text-text pointer-coarse:size-11"
      >
        <Cpu size={18} aria-hidden />
        <Dot state={state} />
        <span className="sr-only">{text}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side={window.matchMedia(NARROW).matches ? 'bottom' : 'right'}
          align="end"
          sideOffset={8}
          collisionPadding={8}
          aria-label={t.title}
          className="scroll-thin z-40 max-h-[80dvh] w-80 max-w-[calc(100vw-1rem)] overflow-y-auto rounded-panel bg-surface p-4 shadow-pop"
        >
          <ModelDetails state={state} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
