// Errors as clients see them: RFC 9457 `application/problem+json` with a stable `code`. Nothing internal gets out: what
// isn't a Problem, or a ledger that is away, is an `internal` error that names only its request.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { LedgerUnavailable } from '../errors.ts';
import { isLocked, isUnavailable } from '../ledger/pool.ts';
import { invalidInput } from './validation.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
/** Seconds after which a client should come again. */
const RETRY_AFTER_S = 2;

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** An answer other than success. Routes throw it; `detail` is for a person, `code` for a program. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Further members, such as `path` (a JSON pointer to the value that is wrong). */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

export function problem(status: number, code: string, detail: string, extra?: Record<string, unknown>): Problem {
  return new Problem(status, code, detail, extra);
}

export function notFound(what: string): Problem {
  return new Problem(404, 'not_found', `${what} does not exist`);
}

/** The JSON of a problem. */
export function problemBody({ status, code, detail, extra }: Problem): Record<string, unknown> {
  return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, code, detail, ...extra };
}

/** Refuses a body on a call that takes none. */
export function refuseBody(body: unknown): void {
  const empty = body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0);
  if (empty && !Array.isArray(body)) return;
  const [field] = typeof body === 'object' && body !== null ? Object.keys(body) : [];
  throw new Problem(400, 'unknown_field', 'this call takes no body', { path: field === undefined ? '' : `/${field}` });
}

/** Makes every error of an app a problem; 5xx are logged with the request's id. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = toProblem(error, request.id);
    if (known.status === 500)
      request.log.error({ err: error, requestId: request.id, url: request.routeOptions.url }, 'a request failed');
    else if (known.status === 503) request.log.debug({ error: error.message, requestId: request.id }, 'answered 503');
    return sendProblem(reply, known);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, unknownRoute(request)));
}

export function sendProblem(reply: FastifyReply, known: Problem): FastifyReply {
  if (known.status === 503) reply.header('retry-after', String(RETRY_AFTER_S));
  if (known.status === 429) reply.header('retry-after', String(known.extra.retryAfterSeconds ?? RETRY_AFTER_S));
  if (known.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(known.status).header('content-type', PROBLEM_CONTENT_TYPE).send(problemBody(known));
}

function unknownRoute(request: FastifyRequest): Problem {
  return new Problem(404, 'not_found', `no route answers ${request.method} here; see /docs`);
}

/** What a client is told about an error. */
export function toProblem(error: FastifyError | Error, requestId: string): Problem {
  if (error instanceof Problem) return error;
  if (isLocked(error)) {
    return new Problem(
      503,
      'ledger_unavailable',
      'another transaction holds what this call changes: try again when it has ended',
    );
  }
  if (error instanceof LedgerUnavailable || isUnavailable(error)) {
    return new Problem(
      503,
      'ledger_unavailable',
      'the ledger cannot be reached or is overloaded; nothing is wrong with the request',
    );
  }
  const invalid = invalidInput(error);
  if (invalid) return new Problem(400, invalid.code, invalid.detail, { path: invalid.path });
  const { code, statusCode } = error as FastifyError;
  if (statusCode === 413) return new Problem(413, 'payload_too_large', 'the body is larger than this call takes');
  if (statusCode === 415) return new Problem(415, 'unsupported_media_type', 'this call takes application/json');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem(400, 'bad_request', BAD_REQUESTS[code] ?? 'the request is malformed');
  }
  return new Problem(500, 'internal', 'something went wrong inside TEM; its log says more under this request id', {
    requestId,
  });
}

const BAD_REQUESTS: Record<string, string> = {
  FST_ERR_BAD_URL: 'the URL is malformed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as its Content-Length says',
};

export const ProblemAnswer = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable, for programs.' }),
    detail: Type.String(),
    path: Type.Optional(Type.String({ description: 'JSON pointer to the value that is wrong.' })),
  },
  { additionalProperties: true },
);

const DESCRIPTIONS: Record<number, string> = {
  400: 'Bad input; `path` names the value.',
  401: 'No valid key or token.',
  403: 'The caller may not do this.',
  404: 'Not there.',
  409: 'Conflict.',
  413: 'The body is too large.',
  415: 'The body is not application/json.',
  503: 'The ledger is away; come again after Retry-After.',
};

/** The documented problems of a route: these, and what every route may answer. */
export function problems(...statuses: number[]): Record<number, unknown> {
  return Object.fromEntries(
    [...statuses, 401, 503].map((status) => [
      status,
      { description: DESCRIPTIONS[status], content: { [PROBLEM_CONTENT_TYPE]: { schema: ProblemAnswer } } },
    ]),
  );
}
