// The panel beside the stage: four ways to edit the one document, and under them, always in the
// same place, settings and Generate.
import { Tabs } from 'radix-ui';
import type { ReactNode } from 'react';
import { setPrefs, usePrefs, type Prefs } from '@/app/prefs';
import { useTextError } from '@/document/store';
import { useLintLimits } from '@/document/use-lint';
import { useT } from '@/i18n';
import { Quick } from '@/magic/quick';
import { later } from '@/ui/later';
import { TabList, type Choice } from '@/ui/segmented';
import { BrokenNotice } from './broken-notice';
import { GenerateBar } from './generate-bar';
import { LintList } from './lint/list';
import { Settings } from './settings';

const Form = later(() => import('./describe/form').then((m) => m.Form));
const LayoutMode = later(() => import('./layout').then((m) => m.LayoutMode));
const JsonMode = later(() => import('./json').then((m) => m.JsonMode));

type Mode = Prefs['mode'];

/** Fields that nothing can be typed into while the text is no caption. */
function Locked({ children }: { children: ReactNode }) {
  const error = useTextError();
  return (
    <fieldset disabled={error !== null} className="contents">
      {children}
    </fieldset>
  );
}

function Body({ mode }: { mode: Mode }) {
  if (mode === 'json') {
    return <JsonMode />;
  }
  return (
    <Locked>
      {mode === 'quick' && <Quick />}
      {mode === 'form' && <Form />}
      {mode === 'layout' && <LayoutMode />}
    </Locked>
  );
}

function Header() {
  const t = useT().editor;
  const choices: Choice<Mode>[] = (['quick', 'form', 'layout', 'json'] as const).map((mode) => ({
    value: mode,
    label: t.modes[mode],
    testId: `mode-${mode}`,
  }));
  return (
    <header className="shrink-0 border-b border-line px-4 py-2 [&_[role=tab]]:px-0.5">
      <TabList label={t.modes.label} choices={choices} />
    </header>
  );
}

export function Inspector({ promptId }: { promptId: number | null }) {
  const t = useT().editor;
  const mode = usePrefs((s) => s.mode);
  useLintLimits();
  return (
    <Tabs.Root
      value={mode}
      onValueChange={(value) => setPrefs({ mode: value as Mode })}
      aria-label={t.prompt}
      role="region"
      className="flex min-h-0 flex-1 flex-col"
    >
      <Header />
      <Tabs.Content key={mode} value={mode} tabIndex={-1} className="scroll-thin @container min-h-0 flex-1 overflow-y-auto outline-none">
        <BrokenNotice />
        <Body mode={mode} />
        <LintList />
      </Tabs.Content>
      <div className="flex max-h-[62%] shrink-0 flex-col border-t border-line">
        <div className="scroll-thin min-h-0 overflow-y-auto">
          <Settings />
        </div>
        <GenerateBar promptId={promptId} />
      </div>
    </Tabs.Root>
  );
}
