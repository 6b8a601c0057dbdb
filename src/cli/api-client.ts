// The commands that speak to an API: where it is, the key, and its answers as values or as one line.

import { type Config, ConfigError } from '../config.ts';
import { hostUrl } from '../core/host-url.ts';
import { runningInstance } from '../services/instance.ts';
import { keptAdminKey } from '../services/keys.ts';
import { CommandError, EXIT } from './exit-codes.ts';

export interface ApiClient {
  url: string;
  /** Resolves to status and JSON of a success. Throws a CommandError: refused (4xx) or unreachable (no answer, 5xx). */
  request(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: string): Promise<Answer>;
  /** The same for a body of any length, which may take as long as it takes. */
  upload(
    path: string,
    body: AsyncIterable<Uint8Array> | string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const ANSWER_WITHIN_MS = 30_000;
const NO_CONTENT = 204;

/** A client of TEM_API_URL, else of the instance on this TEM_HOME, else of TEM_HOST and TEM_PORT. */
export function createApiClient(config: Config): ApiClient {
  const { host, port } = config.api;
  const url = config.api.url ?? (runningInstance(config.home)?.apiUrl || hostUrl(host, port));
  const advice =
    config.api.url === undefined ? 'set TEM_API_URL, or start one' : 'TEM_API_URL says so: correct or unset it';
  const adminKey = config.adminKey ?? keptAdminKey(config.home);
  if (adminKey === undefined)
    throw new ConfigError(`TEM_ADMIN_KEY: not set, and ${config.home ?? 'this user'} keeps none`);
  const answerOf = async (sent: Promise<Response>): Promise<Answer> => {
    const response = await sent.catch((error: Error & { cause?: Cause }) => {
      const words = error.cause?.code ?? error.cause?.message ?? error.message;
      throw new CommandError(EXIT.unreachable, `no API at ${url} (${words}); ${advice}`);
    });
    const text = await response.text();
    const answer = response.status === NO_CONTENT ? {} : parse(text);
    if (response.ok && (answer || text === '')) return { status: response.status, body: answer ?? {} };
    const words = answer?.detail
      ? `${answer.detail}${answer.path ? ` (at ${answer.path})` : ''} [${answer.code}]`
      : text.slice(0, 200);
    const refused = response.status >= 400 && response.status < 500;
    throw new CommandError(refused ? EXIT.refused : EXIT.unreachable, `${response.status} ${words}`, answer);
  };
  return {
    url,
    request: (method, path, body) => answerOf(send(`${url}${path}`, method, adminKey, body)),
    upload: (path, body, headers) => answerOf(sendLong(`${url}${path}`, adminKey, body, headers)),
  };
}

interface Cause {
  code?: string;
  message?: string;
}

function send(url: string, method: string, adminKey: string, body: string | undefined): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    ...(body !== undefined && { body }),
  });
}

function sendLong(
  url: string,
  adminKey: string,
  body: AsyncIterable<Uint8Array> | string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  // `duplex` is what fetch wants for a stream, and its types leave out.
  const init = { method: 'POST', headers: { ...headers, authorization: `Bearer ${adminKey}` }, body, duplex: 'half' };
  return fetch(url, init as RequestInit);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
