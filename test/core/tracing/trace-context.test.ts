// A context is kept only when it is well formed, and then handed on as it came.

import { describe, expect, test } from 'vitest';
import { readTraceContext, traceHeaders, traceIdOf } from '../../../src/core/tracing/index.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('a trace context', () => {
  test('is kept as it came, and handed on so', () => {
    expect(readTraceContext(PARENT)).toBe(PARENT);
    expect(readTraceContext(PARENT, 'a=1,b=2')).toBe(`${PARENT} a=1,b=2`);
    expect(traceHeaders(`${PARENT} a=1,b=2`)).toEqual({ traceparent: PARENT, tracestate: 'a=1,b=2' });
    expect(traceHeaders(PARENT)).toEqual({ traceparent: PARENT });
    expect(traceIdOf(`${PARENT} a=1`)).toBe(TRACE);
  });

  test('of a later version is read as far as this one goes', () => {
    expect(readTraceContext(`cc-${TRACE}-${SPAN}-01-what-comes-then`)).toBe(PARENT);
  });

  test.each([
    ['no text', undefined],
    ['empty', ''],
    ['in capitals', PARENT.toUpperCase()],
    ['of version ff', `ff-${TRACE}-${SPAN}-01`],
    ['of no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['of no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['too long for its version', `${PARENT}-01`],
    ['too long for any version', `${PARENT}01`],
    ['cut', PARENT.slice(0, -1)],
    ['with a hyphen in the wrong place', `00-${TRACE.slice(1)}--${SPAN}-01`],
    ['two of them', `${PARENT}, ${PARENT}`],
  ])('is none when it is %s', (_, traceparent) => {
    expect(readTraceContext(traceparent, 'a=1')).toBeUndefined();
    expect(traceHeaders(traceparent ?? null)).toEqual({});
    expect(traceIdOf(traceparent)).toBeUndefined();
  });

  test('is kept without a state that is too long or no header', () => {
    for (const state of ['a='.padEnd(513, 'x'), 'a=ç', 'a=\n1', '', 7]) {
      expect(readTraceContext(PARENT, state)).toBe(PARENT);
    }
    expect(readTraceContext(PARENT, ['a=1', 'b=2'])).toBe(`${PARENT} a=1,b=2`);
  });
});
