// A few choices of which one holds: tabs of a panel, or values.
import clsx from 'clsx';
import { Tabs, ToggleGroup } from 'radix-ui';

export interface Choice<T extends string> {
  value: T;
  label: string;
  testId?: string;
  disabled?: boolean;
}

const item =
  'flex-auto rounded-control px-2 text-control font-medium text-text-2 h-7 pointer-coarse:h-11 pointer-coarse:min-w-11 transition-colors ' +
  'hover:text-text data-[state=active]:bg-surface data-[state=active]:text-text data-[state=on]:bg-surface ' +
  'data-[state=on]:text-text data-[state=active]:shadow-edge data-[state=on]:shadow-edge';
const frame = 'flex flex-wrap gap-0.5 rounded-control bg-sunken p-0.5';

/** The list of a Tabs.Root. */
export function TabList<T extends string>({ label, choices }: { label: string; choices: Choice<T>[] }) {
  return (
    <Tabs.List aria-label={label} className={frame}>
      {choices.map((c) => (
        <Tabs.Trigger key={c.value} value={c.value} disabled={c.disabled} data-testid={c.testId} className={item}>
          {c.label}
        </Tabs.Trigger>
      ))}
    </Tabs.List>
  );
}

export function Segmented<T extends string>({
  label,
  value,
  choices,
  onChange,
  className,
}: {
  label: string;
  value: T;
  choices: Choice<T>[];
  onChange: (value: T) => void;
  className?: string;
}) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      onValueChange={(v) => v && onChange(v as T)}
      className={clsx(frame, className)}
    >
      {choices.map((c) => (
        <ToggleGroup.Item key={c.value} value={c.value} disabled={c.disabled} data-testid={c.testId} className={item}>
          {c.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
