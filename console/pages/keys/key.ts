// An API key as GET /v1/keys answers it, and what can be done with one.

import type { Role } from '../../shell/session.ts';

export interface Key {
  id: string;
  name: string;
  role: Role;
  scopes: { types?: string[]; groups?: string[] } | null;
  payloads: boolean;
  createdAt: string | null;
  createdBy: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
}

export type Asked = { action: 'make' } | { action: 'rotate' | 'revoke'; key: Key };
