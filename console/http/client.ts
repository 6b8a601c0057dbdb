// Calls of the HTTP API as the person who is signed in. What goes wrong is an ApiProblem with the API's own words; a 401
// means that the session has ended, and the sign-in page comes back.

import { apiUrl, type Query } from './place.ts';
import { type Json, readJson } from './raw-json.ts';

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Every member of the answer, such as `path`. */
    readonly body: Readonly<Record<string, Json>> = {},
  ) {
    super(detail);
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface CallOptions {
  query?: Query;
  /** A value, or with `text` JSON as it was typed. */
  body?: unknown;
  text?: string;
  /** Goes through only when nobody has changed it since this revision. */
  ifRevision?: number;
  signal?: AbortSignal | undefined;
}

/** What the client needs of the session, and what it tells of its calls. */
interface Surroundings {
  csrf(): string | undefined;
  signedOut(): void;
  databaseTook(ms: number): void;
}

let around: Surroundings = { csrf: () => undefined, signedOut() {}, databaseTook() {} };

let reasonNow = '';

/** Calls that change something say why, as long as `run` goes on: the audit keeps it. */
export async function because<Result>(reason: string, run: () => Promise<Result>): Promise<Result> {
  reasonNow = reason;
  try {
    return await run();
  } finally {
    reasonNow = '';
  }
}

export function surround(surroundings: Surroundings): void {
  around = surroundings;
}

const GIVE_UP_AFTER_MS = 60_000;

/** The answer's JSON, with the digits of its numbers. Throws an ApiProblem, or the signal's reason when it was aborted. */
export async function call<Answer = Json>(method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
  const { query, body, text, ifRevision, signal } = options;
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const csrf = around.csrf();
  const timeout = AbortSignal.timeout(GIVE_UP_AFTER_MS);
  let status = 0;
  let answer = '';
  try {
    const response = await fetch(apiUrl(path, query), {
      method,
      credentials: 'same-origin',
      headers: {
        ...(sent !== undefined && { 'content-type': 'application/json' }),
        ...(ifRevision !== undefined && { 'if-match': `"${ifRevision}"` }),
        ...(method !== 'GET' && csrf !== undefined && { 'x-tem-csrf': csrf }),
        ...(method !== 'GET' && reasonNow !== '' && { 'x-tem-reason': encodeURIComponent(reasonNow) }),
      },
      ...(sent !== undefined && { body: sent }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    noteDatabaseTime(response.headers.get('server-timing'));
    status = response.status;
    answer = await response.text();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ApiProblem(0, 'unreachable', (error as Error).message);
  }
  if (status >= 200 && status < 300) return (answer === '' ? null : readJson(answer)) as Answer;
  const problem = problemOf(status, answer);
  if (status === 401 && path !== '/console/session') around.signedOut();
  throw problem;
}

function problemOf(status: number, answer: string): ApiProblem {
  try {
    const body = readJson(answer) as Record<string, Json>;
    return new ApiProblem(status, String(body.code), String(body.detail), body);
  } catch {
    // A proxy's own page, for example.
    return new ApiProblem(status, 'no_json', `HTTP ${status}`);
  }
}

function noteDatabaseTime(header: string | null): void {
  const ms = /(?:^|,)\s*db\s*;[^,]*\bdur=([\d.]+)/.exec(header ?? '')?.[1];
  if (ms !== undefined) around.databaseTook(Number(ms));
}
