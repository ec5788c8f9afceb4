// The file dialog of the import, for commands and buttons anywhere.
let choose: (() => void) | null = null;

export function registerChooser(run: () => void): () => void {
  choose = run;
  return () => {
    if (choose === run) choose = null;
  };
}

export const chooseFile = (): void => choose?.();
