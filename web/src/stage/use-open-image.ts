import { useNavigate } from '@tanstack/react-router';

/** Opens a picture in the viewer of the page: through the address, so that back closes it. */
export function useOpenImage(): (id: number) => void {
  const navigate = useNavigate();
  return (id) => void navigate({ to: '.', search: (old: object) => ({ ...old, image: id }) });
}
