// Who calls, and what that lets him do. A key or a person has a role, may be confined to types and groups of events, and
// may or may not see what events hold; an end user sees only what is his own.

import type { FastifyRequest } from 'fastify';

/** Each may what those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The events that somebody may see and touch; a list that is absent means all. */
export interface Scopes {
  types?: readonly string[];
  groups?: readonly string[];
}

export interface Rights {
  name: string;
  role: Role;
  /** Undefined: every event, and everything that is no event's. */
  scopes: Scopes | undefined;
  /** Whether payloads, results, keys and errors of events are shown to him, and found by their values. */
  mayReadPayloads: boolean;
}

/** The holder of an API key (`id` is absent for the one of the settings). */
export type KeyHolder = { kind: 'key'; id?: string } & Rights;
/** Somebody who signed in with an account of his own. `subject`: what his provider calls him, for ever. */
export type Person = { kind: 'person'; subject: string; email?: string } & Rights;
/** An end user, with a token that the application signed. */
export type EndUser = { kind: 'user'; user: string };

export type Principal = KeyHolder | Person | EndUser;

/** The name of the admin key that comes from the settings; no other key may have it. */
export const SETTINGS_KEY_NAME = 'settings';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined on public routes for a caller that nobody knows. */
    principal: Principal | undefined;
  }
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/** Whether a role may what needs another. */
export function reaches(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Whether an event of this type and group is one of his. */
export function inScope(scopes: Scopes | undefined, type: string, group: string): boolean {
  const { types, groups } = scopes ?? {};
  return (types?.includes(type) ?? true) && (groups?.includes(group) ?? true);
}

/** The rights of a key or a person; undefined for an end user and for nobody. */
export function rightsOf({ principal }: Pick<FastifyRequest, 'principal'>): Rights | undefined {
  return principal === undefined || principal.kind === 'user' ? undefined : principal;
}

/** The caller's name in histories and in the audit. */
export function actorOf({ principal }: Pick<FastifyRequest, 'principal'>): string {
  switch (principal?.kind) {
    case 'user':
      return `user ${principal.user}`;
    case 'key':
      return `key ${principal.name}`;
    case 'person':
      // People choose their names.
      return `person ${principal.email ?? principal.subject}`;
    default:
      return 'nobody';
  }
}
