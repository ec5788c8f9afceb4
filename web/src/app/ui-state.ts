// What is open on the page, as far as it is nobody's data and not in the address.
import { create } from 'zustand';

export type Tab = 'create' | 'stage' | 'queue' | 'library';

interface UiState {
  tab: Tab; // narrow screens
  queueOpen: boolean;
  drawerOverlay: boolean; // history over the stage, between 768 and 1440
  palette: boolean;
  keys: boolean;
  preferences: boolean;
  selection: number[]; // element indexes selected on the canvas and in the list
  boxesHidden: boolean;
  liveText: string; // for the live region
  live: boolean; // events arrive
  reachable: boolean; // the gateway answers
}

export const useUi = create<UiState>()(() => ({
  tab: 'create',
  queueOpen: false,
  drawerOverlay: false,
  palette: false,
  keys: false,
  preferences: false,
  selection: [],
  boxesHidden: false,
  liveText: '',
  live: true,
  reachable: true,
}));

export const setUi = (change: Partial<UiState>): void => useUi.setState(change);

/** One polite announcement; the same text twice is said twice. */
export function announce(text: string): void {
  const now = useUi.getState().liveText;
  useUi.setState({ liveText: now === text ? `${text}\u00a0` : text });
}
