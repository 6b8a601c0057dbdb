// Where a page of flows ended, as one opaque word.

export interface FlowPlace {
  type: string;
  group: string;
}

export function writePlace({ type, group }: FlowPlace): string {
  return Buffer.from(JSON.stringify([type, group])).toString('base64url');
}

/** The place of a cursor, or undefined when it isn't one of ours. */
export function readPlace(cursor: string): FlowPlace | undefined {
  try {
    const [type, group] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (typeof type !== 'string' || typeof group !== 'string') return undefined;
    // Postgres keeps no NUL; and only what was written by us reads the same again.
    return !/\0/.test(type + group) && writePlace({ type, group }) === cursor ? { type, group } : undefined;
  } catch {
    return undefined;
  }
}
