// An address that leads nowhere: an empty sheet, and the ways on.
import { Link } from '@tanstack/react-router';
import { CropMarks } from '@/stage/crop-marks';
import { useT } from '@/i18n';
import { usePageTitle } from '@/lib/use-page-title';

const way = 'inline-flex h-10 items-center rounded-control px-4 text-body font-medium pointer-coarse:h-12';

export function NotFound() {
  const t = useT().app;
  usePageTitle(t.notFound);
  return (
    <div className="flex h-full items-center justify-center bg-stage p-10">
      <div className="relative flex aspect-square w-full max-w-90 flex-col items-center justify-center gap-3 text-center">
        <CropMarks />
        <h1 className="text-display font-semibold text-balance">{t.notFound}</h1>
        <p className="text-balance text-text-2">{t.notFoundText}</p>
        <p className="mt-3 flex flex-wrap justify-center gap-2">
          <Link to="/" className={`${way} bg-ink text-on-ink hover:bg-ink-hover`}>
            {t.toEditor}
          </Link>
          <Link to="/library" className={`${way} border border-line bg-surface hover:bg-sunken`}>
            {t.toLibrary}
          </Link>
        </p>
      </div>
    </div>
  );
}
