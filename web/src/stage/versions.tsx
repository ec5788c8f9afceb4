// The versions of an entry, newest first. Choosing one holds it: nothing that arrives takes its
// place until "newest" is chosen or something new is generated.
import { useRef } from 'react';
import clsx from 'clsx';
import { Ban, Radio } from 'lucide-react';
import { thumbUrl } from '@/api/queries';
import type { Job } from '@/api/types';
import { useDocument, type DraftKey } from '@/document/store';
import { useT } from '@/i18n';
import { dateTime, serverDate } from '@/lib/format';
import { pictureMenu } from '@/viewer/point-menu';
import { pin } from './jobs';
import type { Shown, Version } from './shown';

interface Props {
  docKey: DraftKey;
  versions: Version[];
  shown: Shown;
  pinned: number | null;
  running: Job | undefined;
}

export function Versions({ docKey, versions, shown, pinned, running }: Props) {
  const t = useT().stage;
  const list = useRef<HTMLUListElement>(null);
  const active = shown.kind === 'image' || shown.kind === 'blocked' ? shown.version.id : null;
  if (versions.length + (running ? 1 : 0) < 2 && pinned === null) return null;
  const choose = (version: Version) => {
    pin(docKey, version.id);
    const { doc, key, setSettings } = useDocument.getState();
    if (key === docKey && doc.settings.seed !== String(version.seed)) {
      setSettings('seed', { seed: String(version.seed) }, 'seed');
    }
  };
  const walk = (e: React.KeyboardEvent) => {
    const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const all = [...(list.current?.querySelectorAll('button') ?? [])];
    all[all.indexOf(document.activeElement as HTMLButtonElement) + by]?.focus();
    e.preventDefault();
  };
  return (
    <nav aria-label={t.versions} className="shrink-0 border-t border-line bg-surface">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- arrows go from one button to the next */}
      <ul ref={list} onKeyDown={walk} className="scroll-thin flex gap-2 overflow-x-auto px-4 py-2">
        {running && (
          <li>
            <button
              type="button"
              aria-label={t.versionLive}
              aria-pressed={shown.kind === 'running'}
              onClick={() => pin(docKey, null)}
              className={clsx(
                'flex size-22 flex-col items-center justify-center gap-1 rounded-thumb border border-dashed border-line-strong text-caption text-text-2',
                shown.kind === 'running' && 'ring-2 ring-accent',
              )}
            >
              <Radio size={16} aria-hidden />
              {t.live}
            </button>
          </li>
        )}
        {versions.map((version, i) => {
          const isBlocked = version.flag === 'blocked';
          const name = t.version(versions.length - i, dateTime(serverDate(version.createdAt)));
          return (
            <li key={version.id} className="relative">
              <button
                type="button"
                data-testid="version"
                data-id={version.id}
                data-flag={version.flag ?? ''}
                aria-label={isBlocked ? `${name}, ${t.versionBlocked}` : name}
                aria-pressed={active === version.id}
                title={name}
                onClick={() => choose(version)}
                {...pictureMenu(version.id)}
                className={clsx(
                  'relative flex h-22 min-w-11 items-center justify-center overflow-hidden rounded-thumb bg-sunken',
                  active === version.id && 'ring-2 ring-accent',
                )}
                style={{ aspectRatio: `${version.width} / ${version.height}` }}
              >
                <img
                  src={thumbUrl(version.id, 160)}
                  alt=""
                  loading="lazy"
                  className={clsx('size-full object-cover', isBlocked && 'opacity-50')}
                />
                {isBlocked && (
                  <span className="absolute inset-x-0 bottom-0 flex items-center justify-center bg-warn-soft py-0.5 text-warn">
                    <Ban size={12} aria-hidden />
                  </span>
                )}
                <span className="num absolute top-0 start-0 rounded-ee-thumb bg-surface/85 px-1 text-micro">
                  {versions.length - i}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
