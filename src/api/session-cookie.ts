// The cookie that carries a session of the console: for this host alone, never seen by a script, and never sent along by
// another site's page.

import type { FastifyReply, FastifyRequest } from 'fastify';

const NAME = 'tem_session';
/** Browsers take a cookie of this name only over TLS and for this host alone. */
const SECURE_NAME = `__Host-${NAME}`;
const TOKEN = /^[\w-]{20,100}$/;

/** The token of the caller's session cookie, whether there is such a session or not. */
export function sessionToken({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const cookies = readCookies(headers.cookie);
  const token = cookies.get(SECURE_NAME) ?? cookies.get(NAME);
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** `secure`: people reach the console over TLS. */
export function setSessionCookie(reply: FastifyReply, token: string, seconds: number, secure: boolean): void {
  setCookie(reply, secure ? SECURE_NAME : NAME, token, { seconds, secure, sameSite: 'Strict' });
}

export function clearSessionCookie(reply: FastifyReply): void {
  for (const name of [NAME, SECURE_NAME]) {
    setCookie(reply, name, '', { seconds: 0, secure: name === SECURE_NAME, sameSite: 'Strict' });
  }
}

export function setCookie(
  reply: FastifyReply,
  name: string,
  value: string,
  { seconds, secure, sameSite }: { seconds: number; secure: boolean; sameSite: 'Strict' | 'Lax' },
): void {
  const parts = [`${name}=${value}`, 'Path=/', `Max-Age=${Math.floor(seconds)}`, 'HttpOnly', `SameSite=${sameSite}`];
  // Fastify keeps several of this header, other than of any other.
  void reply.header('set-cookie', [...parts, ...(secure ? ['Secure'] : [])].join('; '));
}

/** By name; the first of a name counts. */
export function readCookies(header: string | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (!cookies.has(name.trim())) cookies.set(name.trim(), value.join('=').trim());
  }
  return cookies;
}
