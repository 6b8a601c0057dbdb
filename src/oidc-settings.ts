// The settings of signing in with an account of one's own: the provider, and which of its groups may do what.

import { isRole, ROLES, type Role } from './core/access/principal.ts';
import { httpUrl, isLoopback, type SettingsReader } from './settings.ts';

export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** The claim that lists a person's groups. */
  groupsClaim: string;
  roles: readonly GroupRole[];
  /** Where people reach the API, without a slash at its end; the provider sends them back there. */
  publicUrl: string;
}

export interface GroupRole {
  group: string;
  role: Role;
}

export const OIDC_SETTINGS = {
  TEM_OIDC_ISSUER: 'OIDC provider that people sign in to the console with; needs TEM_PUBLIC_URL (none)',
  TEM_OIDC_CLIENT_ID: 'what the provider calls TEM',
  TEM_OIDC_CLIENT_SECRET: "TEM's secret at the provider",
  TEM_OIDC_ROLES: 'which groups of the provider have which role: group=role, separated by commas',
  TEM_OIDC_GROUPS_CLAIM: "the claim that lists a person's groups (groups)",
} as const;

const ISSUER = 'TEM_OIDC_ISSUER';
const NEEDED = [ISSUER, 'TEM_OIDC_CLIENT_ID', 'TEM_OIDC_CLIENT_SECRET', 'TEM_OIDC_ROLES', 'TEM_PUBLIC_URL'];

/** Undefined when nothing of it is set. */
export function readOidcSettings(
  { parsed, text, list, problems }: SettingsReader,
  publicUrl: string | undefined,
): OidcSettings | undefined {
  if (Object.keys(OIDC_SETTINGS).every((name) => text(name) === undefined)) return undefined;
  for (const name of NEEDED) {
    if (text(name) === undefined) problems.push(`${name}: signing in by OIDC needs it too`);
  }
  return {
    issuer: parsed(ISSUER, '', issuerUrl),
    clientId: text('TEM_OIDC_CLIENT_ID') ?? '',
    clientSecret: text('TEM_OIDC_CLIENT_SECRET') ?? '',
    groupsClaim: text('TEM_OIDC_GROUPS_CLAIM') ?? 'groups',
    roles: parsed('TEM_OIDC_ROLES', [], () => list('TEM_OIDC_ROLES', /\s*,\s*/).map(groupRole)),
    publicUrl: publicUrl ?? '',
  };
}

function issuerUrl(text: string): string {
  httpUrl(text);
  const { protocol, hostname } = new URL(text);
  if (protocol !== 'https:' && !isLoopback(hostname.replace(/^\[|\]$/g, ''))) {
    throw new RangeError('must begin with https, unless the provider is on this machine');
  }
  return text;
}

/** A group's name may have = in it. */
function groupRole(text: string): GroupRole {
  const at = text.lastIndexOf('=');
  const [group, role] = [text.slice(0, Math.max(at, 0)).trim(), text.slice(at + 1).trim()];
  if (group === '' || !isRole(role)) {
    throw new RangeError(`must be group=role with the role ${ROLES.join(', ')}, not '${text}'`);
  }
  return { group, role };
}
