// What differs in the recipes, and only that.
import clsx from 'clsx';
import { useQueries } from '@tanstack/react-query';
import { recipeQuery } from '@/api/queries';
import { useT } from '@/i18n';
import type { Compared } from './compare-label';
import { differences } from './recipe-text';

export function CompareTable({ list }: { list: Compared[] }) {
  const t = useT();
  const c = t.viewer.compare;
  const recipes = useQueries({ queries: list.map((one) => recipeQuery(one.id)) });
  if (recipes.some((r) => r.isError)) return <p className="p-3 text-control text-bad">{t.viewer.recipeFailed}</p>;
  const known = recipes.flatMap((r) => (r.data ? [r.data] : []));
  if (known.length < list.length) return <p className="p-3 text-control text-text-3">{t.ui.loading}</p>;
  const rows = differences(known, c.none);
  if (rows.length === 0) return <p className="p-3 text-control text-text-2">{c.same}</p>;
  return (
    <table
      data-testid="compare-table"
      className={clsx('w-full table-fixed text-start text-control [&_th]:text-start', list.length > 2 && 'max-tablet:min-w-160')}
    >
      <caption className="sr-only">{c.differences}</caption>
      <thead>
        <tr className="border-b border-line text-caption text-text-3">
          <th scope="col" className="sticky start-0 w-28 bg-surface px-3 py-1.5 font-medium max-tablet:w-26">
            {c.what}
          </th>
          {list.map((one) => (
            <th key={one.id} scope="col" className="px-3 py-1.5 font-medium">
              {c.name(one.letter)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key} data-row={row.key} className="border-b border-line align-top last:border-0">
            <th scope="row" className="sticky start-0 bg-surface px-3 py-1.5 text-caption font-medium text-text-2">
              {c.rows[row.key]}
            </th>
            {list.map((one, i) => (
              <td key={one.id} className="px-3 py-1.5 break-words">
                {row.values[i]}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
