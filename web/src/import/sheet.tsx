// What was found in a dropped file or pasted text, and what to do with it.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { capabilitiesQuery } from '@/api/queries';
import { setPrefs } from '@/app/prefs';
import { setUi } from '@/app/ui-state';
import { read } from '@/document/caption';
import { parse } from '@/document/json';
import { useDocument } from '@/document/store';
import { setUnderlay } from '@/editor/layout/state';
import { openDocument } from '@/editor/open';
import { FALLBACK_LIMITS } from '@/editor/settings/size';
import { addPictures } from '@/magic/quick-state';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { toast } from '@/ui/toasts';
import { apply, type Part } from './apply';
import { Preview } from './preview';
import type { Imported } from './recipe';
import { offer, useImport, type Offered } from './state';

function usePicture(file: File | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!file) return setUrl(null);
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}

function hasBoxes(imported: Imported): boolean {
  const parsed = parse(imported.caption ?? '');
  return parsed.ok && read(parsed.root.value).elements.some((e) => e.box !== null);
}

/** To the editor, whatever page one is on; its draft first, so that it does not come on top. */
function useToEditor(): () => Promise<void> {
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  return async () => {
    if (path === '/' || path.startsWith('/history/')) {
      // A picture that is being viewed would cover it.
      return navigate({ to: '.', search: (old: object) => ({ ...old, image: undefined }), replace: true });
    }
    await openDocument('new');
    await navigate({ to: '/' });
  };
}

function useTake(): (imported: Imported, part: Part) => Promise<void> {
  const t = useT();
  const client = useQueryClient();
  const toEditor = useToEditor();
  return async (imported, part) => {
    offer(null);
    await toEditor();
    const limits = client.getQueryData(capabilitiesQuery.queryKey)?.size ?? FALLBACK_LIMITS;
    apply(imported, part, limits);
    setUi({ tab: 'create' });
    toast({
      kind: 'ok',
      text: t.tools.import.done,
      group: 'import',
      action: { label: t.ui.undo, run: () => useDocument.getState().undo() },
    });
  };
}

/** The picture itself: something to describe, or to draw boxes over. */
function usePictureAs(): (picture: File, as: 'reference' | 'underlay') => Promise<void> {
  const toEditor = useToEditor();
  return async (picture, as) => {
    offer(null);
    await toEditor();
    setPrefs({ mode: as === 'reference' ? 'quick' : 'layout' });
    // On phones the underlay lies on the stage.
    setUi({ tab: as === 'reference' ? 'create' : 'stage' });
    if (as === 'reference') await addPictures([picture]);
    else setUnderlay(picture);
  };
}

/** The first thing to do has the focus, once the dialog is open. */
function focusFirst(element: HTMLDivElement | null): void {
  if (element) setTimeout(() => element.querySelector('button')?.focus(), 0);
}

function Choices({ offered, imported }: { offered: Offered; imported: Imported }) {
  const t = useT().tools.import;
  const take = useTake();
  const takePicture = usePictureAs();
  const { picture } = offered;
  const hasCaption = imported.caption !== null;
  const hasSettings = Object.keys(imported.settings).length > 0 || imported.ratio !== null;
  const parts: [Part, string, boolean][] = [
    ['caption', t.caption, hasCaption],
    ['layout', t.layout, hasCaption && hasBoxes(imported)],
    ['settings', t.settings, hasSettings],
  ];
  return (
    <div ref={focusFirst} className="flex flex-col gap-2">
      {hasCaption && (
        <Button look="ink" size="large" data-testid="import-everything" onClick={() => void take(imported, 'everything')}>
          {t.everything}
        </Button>
      )}
      <div className="flex flex-wrap gap-2">
        {parts.map(([part, label, isThere]) =>
          isThere ? (
            <Button key={part} data-testid={`import-${part}`} onClick={() => void take(imported, part)}>
              {label}
            </Button>
          ) : null,
        )}
        {picture && (
          <>
            <Button data-testid="import-reference" onClick={() => void takePicture(picture, 'reference')}>
              {t.reference}
            </Button>
            <Button data-testid="import-underlay" onClick={() => void takePicture(picture, 'underlay')}>
              {t.underlay}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

function Sheet({ offered }: { offered: Offered }) {
  const t = useT();
  const words = t.tools.import;
  const { imported, trouble, picture, name } = offered;
  const url = usePicture(picture);
  const close = () => offer(null);
  return (
    <Dialog
      sheet
      title={words.title}
      onClose={close}
      data-testid="import-sheet"
      footer={<Button onClick={close}>{t.ui.cancel}</Button>}
    >
      <div className="flex flex-col gap-4">
        <Preview name={name} url={url} imported={imported} />
        {trouble && (
          <p role="alert" data-testid="import-trouble" className="text-control text-bad">
            {words.errors[trouble]}
          </p>
        )}
        {imported && imported.repairs.length > 0 && (
          <div className="text-control" data-testid="import-repairs">
            <p className="font-medium">{words.repaired}</p>
            <ul className="list-disc ps-5 text-text-2">
              {imported.repairs.map((repair) => (
                <li key={repair}>{words.repairs[repair]}</li>
              ))}
            </ul>
          </div>
        )}
        {imported && <Choices offered={offered} imported={imported} />}
      </div>
    </Dialog>
  );
}

export default function ImportSheet() {
  const offered = useImport((s) => s.offered);
  return offered && <Sheet offered={offered} />;
}
