// A notification and a sound, for those who asked for them and look elsewhere. Permission is asked
// only by a press of a button. Of several tabs one speaks.
import { usePrefs } from '@/app/prefs';

const QUIET_MS = 3000;

export const canNotify = (): boolean => typeof Notification !== 'undefined' && window.isSecureContext;

/** To be called from a press; false when the browser says no. */
export async function askToNotify(): Promise<boolean> {
  if (!canNotify()) return false;
  return (await Notification.requestPermission()) === 'granted';
}

function beep(): void {
  try {
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.08, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.4);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.4);
    tone.onended = () => void audio.close();
  } catch {
    // no sound here
  }
}

function speak(id: number, title: string, text: string): void {
  const { notify: wanted, sound } = usePrefs.getState();
  if (sound) beep();
  if (wanted && canNotify() && Notification.permission === 'granted') {
    const shown = new Notification(title, { body: text, tag: `i4-job-${id}`, icon: '/icon.svg' });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  }
}

export function notify(id: number, title: string, text: string): void {
  const prefs = usePrefs.getState();
  if (!document.hidden || (!prefs.notify && !prefs.sound)) return;
  if (!navigator.locks) {
    speak(id, title, text);
    return;
  }
  void navigator.locks.request(`i4.news.${id}`, { ifAvailable: true }, (lock) => {
    if (!lock) return;
    speak(id, title, text);
    return new Promise((done) => setTimeout(done, QUIET_MS));
  });
}
