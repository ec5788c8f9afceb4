import { Link } from '@tanstack/react-router';
import { useT } from '@/i18n';

export function NotFound() {
  const t = useT().app;
  return (
    <div className="flex h-full flex-col items-center justify-center gap-3 p-6 text-center">
      <h1 className="text-display font-semibold">{t.notFound}</h1>
      <p className="text-text-2">{t.notFoundText}</p>
      <p className="flex gap-4">
        <Link to="/" className="inline-flex min-h-6 items-center text-accent underline underline-offset-2 pointer-coarse:min-h-11">
          {t.toEditor}
        </Link>
        <Link to="/library" className="inline-flex min-h-6 items-center text-accent underline underline-offset-2 pointer-coarse:min-h-11">
          {t.toLibrary}
        </Link>
      </p>
    </div>
  );
}
