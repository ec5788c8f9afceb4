// The tags of a picture: put away one by one, added with a proposal of those in use.
import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useId, useState } from 'react';
import { call } from '@/api/client';
import { keys } from '@/api/queries';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { TextField } from '@/ui/field';

interface Props {
  tags: string[];
  onAdd: (tag: string) => void;
  onRemove: (tag: string) => void;
}

export function Tags({ tags, onAdd, onRemove }: Props) {
  const t = useT().viewer;
  const list = useId();
  const [typed, setTyped] = useState('');
  const { data } = useQuery({
    queryKey: [...keys.tags, 'all'],
    queryFn: () => call<{ tags: { name: string; count: number }[] }>('/api/library/tags'),
  });
  const add = () => {
    const tag = typed.trim();
    setTyped('');
    if (tag !== '' && !tags.includes(tag)) onAdd(tag);
  };
  return (
    <div className="flex flex-col gap-2">
      {tags.length > 0 && (
        <ul className="flex flex-wrap gap-1">
          {tags.map((tag) => (
            <li key={tag} className="flex max-w-full items-center rounded-control bg-sunken ps-2 text-control">
              <span className="truncate">{tag}</span>
              <IconButton size="small" label={t.removeTag(tag)} onClick={() => onRemove(tag)}>
                <X size={12} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <TextField
        label={t.addTag}
        hideLabel
        placeholder={t.addTag}
        list={list}
        maxLength={64}
        value={typed}
        onChange={(e) => setTyped(e.target.value)}
        onKeyDown={(e) => {
          if (e.key !== 'Enter') return;
          e.preventDefault();
          add();
        }}
        onBlur={add}
      />
      <datalist id={list}>
        {(data?.tags ?? []).slice(0, 100).map((tag) => (
          <option key={tag.name} value={tag.name}>
            {tag.name}
          </option>
        ))}
      </datalist>
    </div>
  );
}
