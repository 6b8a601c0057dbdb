// People sign in to the console with an account of their own: to the provider, back with a code, and into a session. Whatever
// goes wrong ends on a page in words; the log has the reason.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Type } from 'typebox';
import type { OidcSettings } from '../../oidc-settings.ts';
import type { Api } from '../api.ts';
import type { Callers } from '../callers.ts';
import { NoQuery } from '../schemas.ts';
import { readCookies, setCookie, setSessionCookie } from '../session-cookie.ts';
import { createSeal } from './pending.ts';
import { personOf } from './person.ts';
import { CALLBACK_PATH, createOidcProvider, SignInRefused } from './provider.ts';
import { type Refusal, refusalPage } from './refusal-page.ts';
import { returnPath } from './return-path.ts';

export const BEGIN_PATH = '/console/sign-in/oidc';
const SIGN_OUT_PATH = '/console/sign-out/oidc';
/** Somebody may have to find his second factor first. */
const PENDING_FOR_S = 600;

interface Dependencies {
  settings: OidcSettings | undefined;
  callers: Callers;
  log: Logger;
}

export function oidcRoutes(app: Api, { settings, callers, log }: Dependencies): void {
  const signIn = settings && createSignIn(settings, callers);
  const handle =
    (step: keyof Steps) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      void reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
      const refuse = (refusal: Refusal): FastifyReply => {
        const back = `${settings?.publicUrl ?? ''}/console`;
        const { status, headers, html } = refusalPage(refusal, request.headers['accept-language'], back);
        return reply.code(status).headers(headers).send(html);
      };
      if (!signIn) return refuse('off');
      try {
        return reply.redirect(await signIn[step](request, reply), 302);
      } catch (error) {
        if (!(error instanceof SignInRefused)) throw error;
        log.warn({ err: error }, 'nobody was signed in by OIDC');
        return refuse(error.reason);
      }
    };
  const route = { config: { access: 'public' }, exposeHeadRoute: false } as const;
  const querystring = Type.Object({ return: Type.Optional(Type.String()) });
  app.get(BEGIN_PATH, { ...route, schema: { hide: true, querystring } }, handle('begin'));
  // What a provider adds to its answer is its own business.
  app.get(CALLBACK_PATH, { ...route, schema: { hide: true } }, handle('finish'));
  // TEM's own session has ended by DELETE /console/session, which the provider can't keep from going well.
  app.get(SIGN_OUT_PATH, { ...route, schema: { hide: true, querystring: NoQuery } }, handle('signOut'));
}

type Step = (request: FastifyRequest, reply: FastifyReply) => Promise<string>;
type Steps = Record<'begin' | 'finish' | 'signOut', Step>;

/** Each step resolves to where the browser goes next. */
function createSignIn(settings: OidcSettings, { sessions, secure }: Callers): Steps {
  const provider = createOidcProvider(settings);
  const seal = createSeal(settings.clientSecret);
  const cookie = secure ? '__Host-tem_sign_in' : 'tem_sign_in';
  const keep = (reply: FastifyReply, value: string, seconds: number): void =>
    // Strict wouldn't come back with who comes from the provider's page.
    setCookie(reply, cookie, value, { seconds, secure, sameSite: 'Lax' });

  return {
    async begin(request, reply) {
      const wanted = (request.query as { return?: string }).return;
      const { url, pending } = await provider.begin(returnPath(wanted));
      keep(reply, await seal.close(pending, PENDING_FOR_S), PENDING_FOR_S);
      return url.href;
    },
    async finish(request, reply) {
      const sealed = readCookies(request.headers.cookie).get(cookie);
      // One answer of the provider each.
      keep(reply, '', 0);
      const pending = sealed === undefined ? undefined : await seal.open(sealed);
      if (!pending) throw new SignInRefused('ended');
      const claims = await provider.finish(pending, request.url.split('?')[1] ?? '');
      const person = personOf(claims, settings);
      if (!person) throw new SignInRefused('no-role', { cause: new Error(`no group of ${claims.sub} has a role`) });
      const { token, endsInMs } = await sessions.open(person);
      setSessionCookie(reply, token, endsInMs / 1_000, secure);
      return `${settings.publicUrl}${returnPath(pending.returnTo)}`;
    },
    async signOut() {
      const url = await provider.signOut('/console').catch(() => undefined);
      return url?.href ?? `${settings.publicUrl}/console`;
    },
  };
}
