// Who is signed in. The cookie is the browser's own business; what is known here is the name, the role, and the token that
// every change carries.

import { call } from '../http/client.ts';
import { apiUrl } from '../http/place.ts';
import { createStore, useStore } from '../live/store.ts';
import type { PageEntry } from '../page.ts';
import { loadSettings } from './settings.ts';

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Session {
  name: string;
  /** Of a person who signed in with an account. */
  email?: string;
  role: Role;
  /** Whether payloads may be seen. */
  payloads: boolean;
  csrf: string;
  /** Whether it is of a person who signed in with an account. */
  account: boolean;
  /** The events that he may see; absent: all. */
  scopes?: { types?: string[]; groups?: string[] };
}

/** Undefined: not known yet; null: nobody. */
export const session = createStore<Session | null | undefined>(undefined);

/** Finds out who is signed in, and what the server tells them. */
export async function begin(): Promise<void> {
  const { signedIn } = await loadSettings();
  if (!signedIn) session.set(null);
  else session.set(await call<Session>('GET', '/console/session'));
}

export async function signIn(key: string): Promise<void> {
  const known = await call<Session>('POST', '/console/session', { body: { key } });
  await loadSettings();
  session.set(known);
}

export async function signOut(): Promise<void> {
  const wasAccount = session.get()?.account;
  await call('DELETE', '/console/session');
  // Else the next click on "sign in" would let anybody in who sits down here.
  if (wasAccount) window.location.assign(apiUrl('/console/sign-out/oidc'));
  else session.set(null);
}

/** Inside of the pages somebody is signed in. */
export function useSession(): Session {
  const known = useStore(session);
  if (!known) throw new Error('nobody is signed in');
  return known;
}

/** Whether a page is for this person; what it then asks for, the API decides. */
export function mayOpen({ from, needs, confined }: PageEntry, { role, payloads, scopes }: Session): boolean {
  if (from && ROLES.indexOf(role) < ROLES.indexOf(from)) return false;
  if (needs === 'payloads' && !payloads) return false;
  return !scopes || confined === 'any' || (confined === 'types' && !scopes.groups);
}

/** The same as useMay, for what isn't for who is confined to some events. */
export function useMayForAll(role: Role): boolean {
  const isConfined = useSession().scopes !== undefined;
  return useMay(role) && !isConfined;
}

/** Whether the person's role is at least this one. */
export function useMay(role: Role): boolean {
  return ROLES.indexOf(useSession().role) >= ROLES.indexOf(role);
}
