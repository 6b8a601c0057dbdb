// API keys over HTTP, for admins. A key is in the answer that makes it, and in no other.

import { type Static, Type } from 'typebox';
import { createKey, endKey, replaceKey, type WantedKey } from '../../core/access/admin.ts';
import type { KeyRing } from '../../core/access/key-ring.ts';
import { type KeyRow, listKeys } from '../../core/access/keys.ts';
import { actorOf, type Role, type Scopes, SETTINGS_KEY_NAME } from '../../core/access/principal.ts';
import { milliseconds } from '../../core/duration.ts';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { readCursor, writeCursor } from '../../core/ledger/cursor.ts';
import { instant } from '../../core/ledger/present.ts';
import type { Api, ApiCore } from '../api.ts';
import { IdParams, NoQuery } from '../schemas.ts';

const LIMIT_DEFAULT = 50;
const NAME_LENGTH_MAX = 100;
const SCOPE_MAX = 200;
const GRACE_DEFAULT = '1h';
const GRACE_MS_MAX = milliseconds('30d');
const EXPIRES_MS_MIN = milliseconds('1m');
const EXPIRES_MS_MAX = milliseconds('3650d');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const closed = { additionalProperties: false } as const;
const nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const RoleName = Type.Unsafe<Role>({ type: 'string', enum: ['viewer', 'operator', 'admin'] });
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: SCOPE_MAX });
const ScopesBody = Type.Object(
  { types: Type.Optional(Names), groups: Type.Optional(Names) },
  { ...closed, minProperties: 1, description: 'The events that it is for; absent: all, and everything else.' },
);
const NewKey = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' }),
    role: RoleName,
    scopes: Type.Optional(ScopesBody),
    payloads: Type.Optional(
      Type.Boolean({ description: 'Whether it is shown what events hold. Default: not for a viewer.' }),
    ),
    expiresIn: Type.Optional(Type.String({ maxLength: 20, examples: ['90d'] })),
  },
  closed,
);
const Rotation = Type.Object(
  {
    grace: Type.Optional(
      Type.String({ maxLength: 20, description: `How long the old one is still taken; ${GRACE_DEFAULT} by default.` }),
    ),
  },
  closed,
);
const Time = Type.String({ format: 'date-time' });
const fields = {
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  role: RoleName,
  scopes: nullable(
    Type.Object({ types: Type.Optional(Type.Array(Type.String())), groups: Type.Optional(Type.Array(Type.String())) }),
  ),
  payloads: Type.Boolean(),
  createdAt: nullable(Time),
  createdBy: Type.String(),
  rotatedAt: nullable(Time),
  previousUntil: nullable(Type.String({ format: 'date-time', description: 'The key before is taken until then.' })),
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Type.String({ format: 'date-time', description: 'To the minute.' })),
};
const KeyAnswer = Type.Object(fields);
const ShownKeyAnswer = Type.Object({ ...fields, key: Type.String({ description: 'Shown this once.' }) });
const KeyPage = Type.Object({ keys: Type.Array(KeyAnswer), nextCursor: nullable(Type.String()) });
const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
  },
  closed,
);
const config = { access: 'admin' } as const;
const tags = ['access'];

export function keyRoutes(app: Api, { pool }: ApiCore, ring: KeyRing): void {
  app.get(
    '/v1/keys',
    {
      config,
      schema: {
        operationId: 'listKeys',
        tags,
        summary: 'The API keys that are taken, newest first; not the one of the settings',
        querystring: ListQuery,
        response: { 200: KeyPage, ...problems(400, 403) },
      },
    },
    async ({ query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const before = cursor === undefined ? undefined : readCursor(cursor);
      if (cursor !== undefined && before === undefined) {
        throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      }
      const { rows, more } = await listKeys(pool, limit, before);
      const last = rows.at(-1);
      return { keys: rows.map(present), nextCursor: more && last ? writeCursor(last.id) : null };
    },
  );
  createRoute(app, { pool }, ring);
  changeRoutes(app, { pool }, ring);
}

function createRoute(app: Api, { pool }: Pick<ApiCore, 'pool'>, ring: KeyRing): void {
  app.post(
    '/v1/keys',
    {
      config,
      schema: {
        operationId: 'createKey',
        tags,
        summary: 'Make an API key',
        body: NewKey,
        querystring: NoQuery,
        response: { 201: ShownKeyAnswer, ...problems(400, 403, 409, 415) },
      },
    },
    async (request, reply) => {
      const made = await createKey(pool, actorOf(request), wantedOf(request.body));
      if (!made) {
        throw new Problem(409, 'key_exists', 'a key of this name is there, or there are 1,000 keys: revoke one', {
          path: '/name',
        });
      }
      ring.forget();
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...present(made.row), key: made.key });
    },
  );
}

function changeRoutes(app: Api, { pool }: Pick<ApiCore, 'pool'>, ring: KeyRing): void {
  app.post(
    '/v1/keys/:id/rotate',
    {
      config,
      schema: {
        operationId: 'rotateKey',
        tags,
        summary: 'Make another key of the same rights; the old one is taken for a while more',
        params: IdParams,
        body: Type.Union([Rotation, Type.Null()]),
        querystring: NoQuery,
        response: { 200: ShownKeyAnswer, ...problems(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const graceMs = durationOf('/grace', request.body?.grace ?? GRACE_DEFAULT, 0, GRACE_MS_MAX, '0s to 30d');
      const made = await replaceKey(pool, actorOf(request), keyId(request.params.id), graceMs);
      if (!made) throw notFound('the key');
      ring.forget();
      return reply.header('cache-control', 'no-store').send({ ...present(made.row), key: made.key });
    },
  );

  app.delete(
    '/v1/keys/:id',
    {
      config,
      schema: {
        operationId: 'revokeKey',
        tags,
        summary: 'Revoke a key, and end the sessions of who signed in by it; every API obeys within a second',
        params: IdParams,
        querystring: NoQuery,
        response: { 204: { type: 'null', description: 'Revoked.' }, ...problems(403, 404) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      if (!(await endKey(pool, actorOf(request), keyId(request.params.id)))) throw notFound('the key');
      ring.forget();
      return reply.code(204).send(null);
    },
  );
}

function wantedOf({ name, role, scopes, payloads = role !== 'viewer', expiresIn }: Static<typeof NewKey>): WantedKey {
  const refused = (path: string, detail: string): Problem => new Problem(400, 'invalid_field', detail, { path });
  if (name === SETTINGS_KEY_NAME) throw refused('/name', 'is the name of the key of TEM_ADMIN_KEY');
  if (role === 'admin' && scopes) throw refused('/scopes', 'an admin is confined to nothing: leave it out');
  if (role === 'admin' && !payloads) throw refused('/payloads', 'an admin may make a key that sees them: leave it out');
  const expiresInMs =
    expiresIn === undefined
      ? undefined
      : durationOf('/expiresIn', expiresIn, EXPIRES_MS_MIN, EXPIRES_MS_MAX, '1m to 3650d');
  return { name, role, scopes, payloads, expiresInMs };
}

function durationOf(path: string, text: string, minimumMs: number, maximumMs: number, range: string): number {
  try {
    const value = milliseconds(text);
    if (value >= minimumMs && value <= maximumMs) return value;
  } catch {
    // Said below.
  }
  throw new Problem(400, 'invalid_field', `must be a duration from ${range}`, { path });
}

function keyId(text: string): string {
  if (!UUID.test(text)) throw notFound('the key');
  return text.toLowerCase();
}

function present(row: KeyRow): Static<typeof KeyAnswer> {
  const scopes = { ...(row.types && { types: row.types }), ...(row.groups && { groups: row.groups }) } satisfies Scopes;
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: row.types || row.groups ? scopes : null,
    payloads: row.payloads,
    createdAt: instant(row.created_at),
    createdBy: row.created_by,
    rotatedAt: instant(row.rotated_at),
    previousUntil: instant(row.previous_until),
    expiresAt: instant(row.expires_at),
    lastUsedAt: instant(row.last_used_at),
  };
}
