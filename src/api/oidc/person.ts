// Who a provider's claims are about, and what he may: the highest role that one of his groups has.

import { type Person, type Role, reaches } from '../../core/access/principal.ts';
import type { OidcSettings } from '../../oidc-settings.ts';
import type { Claims } from './provider.ts';

/** Undefined when none of his groups has a role. */
export function personOf(
  claims: Claims,
  { groupsClaim, roles }: Pick<OidcSettings, 'groupsClaim' | 'roles'>,
): Person | undefined {
  const groups = [claimAt(claims, groupsClaim)].flat();
  const role = roles
    .filter(({ group }) => groups.includes(group))
    .map(({ role }) => role)
    .reduce<Role | undefined>((highest, each) => (highest && reaches(highest, each) ? highest : each), undefined);
  if (!role) return undefined;
  // An address that nobody has checked may be another's.
  const email = claims.email_verified === false ? undefined : textOf(claims.email);
  return {
    kind: 'person',
    subject: claims.sub,
    ...(email !== undefined && { email }),
    name: textOf(claims.name) ?? textOf(claims.preferred_username) ?? email ?? claims.sub,
    role,
    scopes: undefined,
    mayReadPayloads: role !== 'viewer',
  };
}

/** The claim of this name, or what stands at its dots: providers keep roles in places such as `realm_access.roles`. */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, step) => {
    const isInside = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
    return isInside ? (value as Record<string, unknown>)[step] : undefined;
  }, claims);
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim.trim() !== '' ? claim.trim() : undefined;
}
