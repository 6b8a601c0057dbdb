// What isn't even HTTP never reaches a route: it is answered on the bare socket, as a problem like all others.

import type { Socket } from 'node:net';
import { PROBLEM_CONTENT_TYPE, Problem, problemBody } from '../core/http/problem.ts';

const REASONS: Record<string, { status: number; line: string; code: string; detail: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    line: 'Request Header Fields Too Large',
    code: 'headers_too_large',
    detail: 'the headers are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    line: 'Request Timeout',
    code: 'request_timeout',
    detail: 'the request took too long to arrive',
  },
};
const MALFORMED = { status: 400, line: 'Bad Request', code: 'bad_request', detail: 'the request is not valid HTTP' };

export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const { status, line, code, detail } = REASONS[error.code ?? ''] ?? MALFORMED;
  const body = JSON.stringify({ ...problemBody(new Problem(status, code, detail)), title: line });
  socket.end(
    `HTTP/1.1 ${status} ${line}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
