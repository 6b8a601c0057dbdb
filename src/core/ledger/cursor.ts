// Where a page of a list ended, as one opaque word. A cursor that TEM didn't make is refused instead of guessed at.

const VERSION = 1;
const UUID_BYTES = 16;

/** The cursor after the row with this UUID. */
export function writeCursor(id: string): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  return Buffer.from([VERSION, ...bytes, checksum(bytes)]).toString('base64url');
}

/** The UUID of a cursor, or undefined when it isn't one. */
export function readCursor(cursor: string): string | undefined {
  const raw = Buffer.from(cursor, 'base64url');
  const bytes = raw.subarray(1, -1);
  const valid = raw.length === UUID_BYTES + 2 && raw[0] === VERSION && raw.at(-1) === checksum(bytes);
  if (!valid || raw.toString('base64url') !== cursor) return undefined;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function checksum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum * 31 + byte) & 0xff, 7);
}
