// The workflow id of an event. Percent-encoding makes it injective: two events never share an id.

import { createHash } from 'node:crypto';

// Temporal refuses ids of more than 1,000 bytes; a type has at most 128.
const ENCODED_KEY_LENGTH_MAX = 850;

/** `type:key`, readable in Temporal's Web UI; a private or very long key appears as its SHA-256. */
export function eventWorkflowId(type: string, key: string, keyPrivate = false): string {
  const encoded = encodeURIComponent(key);
  return keyPrivate || encoded.length > ENCODED_KEY_LENGTH_MAX
    ? `${type}:sha256:${createHash('sha256').update(key).digest('hex')}`
    : `${type}:${encoded}`;
}
