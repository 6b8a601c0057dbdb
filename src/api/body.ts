// Reads JSON bodies strictly (src/core/json). A route that takes a batch gets the flaws of its elements with the body,
// so that one hostile event is rejected alone; every other route refuses the body at its first flaw.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../core/http/problem.ts';
import type { Flaw } from '../core/json/flaws.ts';
import { DEPTH_MAX, JsonRefused, readJson } from '../core/json/read.ts';
import { answerBrokenRequest } from './broken-request.ts';

export const BODY_BYTES_MAX = 1024 * 1024;
const BODY_WITHIN_MS = 60_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Flaws of elements of this array of the body are left to the route, in `request.elementFlaws`. */
    elementsIn?: string;
    /** The body's text is left to the route too, in `request.bodyText`. */
    keepsText?: boolean;
    /** How long the request's body may take to arrive; a minute by default. */
    bodyWithinMs?: number;
  }
  interface FastifyRequest {
    /** By index. */
    elementFlaws: ReadonlyMap<number, Flaw> | undefined;
    bodyBytes: number;
    /** As it came, where the route keeps it; '' without a body. */
    bodyText: string;
  }
}

export function readBodies(app: FastifyInstance): void {
  app.decorateRequest('elementFlaws', undefined);
  app.decorateRequest('bodyBytes', 0);
  app.decorateRequest('bodyText', '');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      request.bodyBytes = bytes.length;
      if (bytes.length === 0) return undefined;
      const body = readBody(request, bytes);
      if (request.routeOptions.config.keepsText) request.bodyText = bytes.toString('utf8');
      return body;
    },
  );
}

function readBody(request: FastifyRequest, bytes: Buffer): unknown {
  const { elementsIn } = request.routeOptions.config;
  try {
    // An element of a batch may be as deep as a body of its own: the object and the array around it don't count.
    const { value, flaws } = readJson(bytes, elementsIn === undefined ? DEPTH_MAX : DEPTH_MAX + 2);
    if (flaws.length === 0) return value;
    const elementFlaws = new Map<number, Flaw>();
    for (const flaw of flaws) {
      const [name, index] = flaw.steps;
      if (elementsIn === undefined || name !== elementsIn || typeof index !== 'number') {
        throw new Problem(400, flaw.code, flaw.detail, { path: flaw.path });
      }
      elementFlaws.set(index, flaw);
    }
    request.elementFlaws = elementFlaws;
    return value;
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    throw new Problem(400, error.code, error.message, { path: error.path });
  }
}

/** Ends requests whose body takes longer than their route allows: a slow sender must not hold a connection for ever. */
export function limitBodies(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    const hasBody = raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
    if (!hasBody) return done();
    const limitMs = request.routeOptions.config?.bodyWithinMs ?? BODY_WITHIN_MS;
    const timer = setTimeout(() => {
      if (raw.complete) return;
      answerBrokenRequest(
        Object.assign(new Error('the body is late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
        raw.socket,
      );
    }, limitMs);
    timer.unref();
    const arrived = (): void => clearTimeout(timer);
    raw.once('end', arrived);
    raw.once('close', arrived);
    reply.raw.once('finish', arrived);
    done();
  });
}
