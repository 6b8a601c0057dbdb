// What the console is told about its server once: the database's time, and where other pages are.

import { call } from '../http/client.ts';
import { setClock } from '../live/clock.ts';
import { createStore, useStore } from '../live/store.ts';

export interface Settings {
  version: string;
  signedIn: boolean;
  /** The database's time; null for those who are not signed in. */
  now: string | null;
  /** Whether people can sign in with their organisation. */
  oidc: boolean;
  /** Temporal's Web UI, when its address is known and somebody is signed in; `url` has no slash at its end. */
  temporalUi: { url: string; namespace: string } | null;
}

const settings = createStore<Settings | undefined>(undefined);

export async function loadSettings(): Promise<Settings> {
  const answer = await call<Settings>('GET', '/console/settings');
  if (answer.now !== null) setClock(answer.now);
  settings.set(answer);
  return answer;
}

export function useSettings(): Settings | undefined {
  return useStore(settings);
}
