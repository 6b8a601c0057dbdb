// The workflow id of an event: readable, short enough for Temporal, and never shared by two events.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventWorkflowId } from '../../src/core/workflow-id.ts';

const TEMPORAL_ID_BYTES_MAX = 1_000;
const type = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9._-]{0,127}$/);
const key = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
  fc.string({ minLength: 1, maxLength: 512 }),
  fc.constantFrom('a:b', 'a%3Ab', '%', ':', '::', 'sha256:0', 'sha256', '..', '/', 'batch:1', ' '),
);

/** What a person does who reads an id: its type and key, or undefined when it isn't an event's (a batch, a hashed key). */
function readBack(workflowId: string): { type: string; key: string } | undefined {
  const colon = workflowId.indexOf(':');
  const encoded = workflowId.slice(colon + 1);
  // encodeURIComponent escapes ':', so one in the rest means that another function made the id.
  if (colon < 1 || encoded === '' || encoded.includes(':')) return undefined;
  try {
    return { type: workflowId.slice(0, colon), key: decodeURIComponent(encoded) };
  } catch {
    return undefined;
  }
}

describe('a workflow id', () => {
  test('shows type and key', () => {
    expect(eventWorkflowId('order', '2026/7 ä')).toBe('order:2026%2F7%20%C3%A4');
  });

  test('can be read back', () => {
    fc.assert(
      fc.property(type, key, (aType, aKey) => {
        const id = eventWorkflowId(aType, aKey);
        const parsed = readBack(id);
        if (id.includes(':sha256:')) expect(parsed).toBeUndefined();
        else expect(parsed).toEqual({ type: aType, key: aKey });
      }),
    );
  });

  test('is never shared by two events', () => {
    fc.assert(
      fc.property(type, key, type, key, (type1, key1, type2, key2) => {
        fc.pre(type1 !== type2 || key1 !== key2);
        expect(eventWorkflowId(type1, key1)).not.toBe(eventWorkflowId(type2, key2));
      }),
    );
  });

  test('is never longer than Temporal takes, and holds no character that needs care', () => {
    fc.assert(
      fc.property(type, fc.string({ unit: 'binary', minLength: 1, maxLength: 512 }), (aType, aKey) => {
        const id = eventWorkflowId(aType, aKey);
        expect(Buffer.byteLength(id)).toBeLessThanOrEqual(TEMPORAL_ID_BYTES_MAX);
        expect(id).toMatch(/^[!-~]+$/);
      }),
    );
  });

  test('of a private key tells nothing of it', () => {
    expect(eventWorkflowId('mail', 'person@example.org', true)).toMatch(/^mail:sha256:[0-9a-f]{64}$/);
  });

  test('that another function made is not taken for an event', () => {
    expect(['many:batch:1234-1', 'mail:sha256:00', ':x', 'x', 'x:', 'x:%'].map(readBack)).toEqual(
      Array(6).fill(undefined),
    );
  });
});
