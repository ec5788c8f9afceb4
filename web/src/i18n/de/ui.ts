import type { Words } from '../en';

export const ui: Words['ui'] = {
  close: 'Schließen',
  cancel: 'Abbrechen',
  dismiss: 'Ausblenden',
  messages: 'Meldungen',
  undo: 'Rückgängig',
  redo: 'Wiederholen',
  retry: 'Noch einmal',
  more: 'Mehr',
  copy: 'Kopieren',
  copied: 'Kopiert',
  copyFailed: 'Der Browser erlaubt das Kopieren hier nicht',
  delete: 'Löschen',
  save: 'Sichern',
  show: 'Zeigen',
  search: 'Suchen',
  loading: 'Lädt…',
  none: 'Keine',
  today: 'Heute',
  yesterday: 'Gestern',
};
