// Signing in to the console with an API key, and out again. What a session may is what its key may.

import { type Static, Type } from 'typebox';
import { rightsOf } from '../../core/access/principal.ts';
import type { Session } from '../../core/access/sessions.ts';
import { Problem, problems, refuseBody } from '../../core/http/problem.ts';
import type { Api } from '../api.ts';
import type { Callers } from '../callers.ts';
import { authenticateFrom } from '../limits.ts';
import { NoQuery } from '../schemas.ts';
import { clearSessionCookie, sessionToken, setSessionCookie } from '../session-cookie.ts';

const KEY_LENGTH_MAX = 8_192;
const SignIn = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: KEY_LENGTH_MAX }) },
  { additionalProperties: false },
);
const names = Type.Array(Type.String());
const SessionAnswer = Type.Object({
  name: Type.String(),
  email: Type.Optional(Type.String()),
  role: Type.Unsafe<Session['principal']['role']>({ type: 'string', enum: ['viewer', 'operator', 'admin'] }),
  scopes: Type.Optional(Type.Object({ types: Type.Optional(names), groups: Type.Optional(names) })),
  payloads: Type.Boolean({ description: 'Whether payloads, results, keys and errors of events are shown.' }),
  account: Type.Boolean({ description: 'Whether a person has signed in with an account, not with a key.' }),
  csrf: Type.String({ description: 'To be sent as x-tem-csrf with every call that changes something.' }),
});
const tags = ['console'];
const PATH = '/console/session';

export function sessionRoutes(app: Api, callers: Callers): void {
  const { sessions, secure } = callers;
  app.post(
    PATH,
    {
      config: { access: 'public' },
      schema: {
        operationId: 'signIn',
        tags,
        summary: 'Sign in to the console with an API key; sets a cookie',
        security: [{}],
        body: SignIn,
        querystring: NoQuery,
        response: { 200: SessionAnswer, ...problems(400, 415) },
      },
    },
    async ({ body, ip }, reply) => {
      const principal = await authenticateFrom(callers, ip, body.key);
      if (principal?.kind !== 'key') throw new Problem(401, 'unauthorized', 'the key is not valid');
      const { token, session, endsInMs } = await sessions.open(principal);
      setSessionCookie(reply, token, endsInMs / 1_000, secure);
      return reply.header('cache-control', 'no-store').send(present(session));
    },
  );

  app.get(
    PATH,
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getSession',
        tags,
        summary: 'Who is signed in',
        querystring: NoQuery,
        response: { 200: SessionAnswer, ...problems() },
      },
    },
    async (request, reply) => {
      const token = sessionToken(request);
      const session = token === undefined ? undefined : await sessions.find(token);
      if (!session) throw new Problem(401, 'unauthorized', 'nobody is signed in');
      return reply.header('cache-control', 'no-store').send(present(session));
    },
  );

  app.delete(
    PATH,
    {
      config: { access: 'viewer', scoped: true },
      schema: {
        operationId: 'signOut',
        tags,
        summary: 'Sign out',
        querystring: NoQuery,
        response: { 204: { type: 'null', description: 'Signed out.' }, ...problems(403) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const token = sessionToken(request);
      if (token !== undefined && rightsOf(request)) await sessions.end(token);
      clearSessionCookie(reply);
      return reply.code(204).send(null);
    },
  );
}

function present({ principal, csrf }: Session): Static<typeof SessionAnswer> {
  const { name, role, scopes, mayReadPayloads } = principal;
  const email = principal.kind === 'person' ? principal.email : undefined;
  return {
    name,
    ...(email !== undefined && { email }),
    role,
    ...(scopes && {
      scopes: {
        ...(scopes.types && { types: [...scopes.types] }),
        ...(scopes.groups && { groups: [...scopes.groups] }),
      },
    }),
    payloads: mayReadPayloads,
    account: principal.kind === 'person',
    csrf,
  };
}
