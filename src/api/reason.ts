// The header `x-tem-reason`: why a call changes something, kept in the audit beside who and what. Percent-encoded, because
// headers hold no other letters than those of English.

import type { FastifyRequest } from 'fastify';
import { withReason } from '../core/audit-reason.ts';
import { Problem } from '../core/http/problem.ts';
import type { Api } from './api.ts';

export const REASON_HEADER = 'x-tem-reason';
const LENGTH_MAX = 500;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

export function takeReason(app: Api): void {
  // Not earlier: what is read of a body goes on in the context of its socket.
  app.addHook('preHandler', (request, _reply, done) => {
    const reason = READS.has(request.method) ? undefined : reasonOf(request);
    if (reason === undefined) done();
    else withReason(reason, done);
  });
}

function reasonOf({ headers }: FastifyRequest): string | undefined {
  const given = headers[REASON_HEADER];
  if (given === undefined || given === '') return undefined;
  const reason = decoded(String(given));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (reason === undefined || reason.length > LENGTH_MAX || /[\u0000-\u0008\u000b-\u001f\u007f]/.test(reason)) {
    const detail = `the header ${REASON_HEADER} must be percent-encoded UTF-8 of at most ${LENGTH_MAX} characters`;
    throw new Problem(400, 'invalid_header', detail);
  }
  return reason;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
