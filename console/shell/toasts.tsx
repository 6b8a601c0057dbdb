// Short messages that say how an action ended. They are read aloud, stay until they are read, and never cover what has the
// focus: successes go by themselves, failures are closed.

import { createStore, useStore } from '../live/store.ts';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';

interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
}

const toasts = createStore<readonly Toast[]>([]);
const SHOWN_MS = 6_000;
const TOASTS_MAX = 4;
let last = 0;

export function toast(text: string, kind: Toast['kind'] = 'done'): void {
  const id = ++last;
  toasts.set([...toasts.get(), { id, kind, text }].slice(-TOASTS_MAX));
  if (kind === 'done') setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.set(toasts.get().filter((each) => each.id !== id));
}

export function Toasts() {
  const words = useWords(general);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useStore(toasts).map(({ id, kind, text }) => (
        <div key={id} class={`toast ${kind}`}>
          <span>{text}</span>
          <button type="button" class="quiet" onClick={() => close(id)} aria-label={words.close}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
