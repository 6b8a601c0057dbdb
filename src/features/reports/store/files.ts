// Files in pieces of a bounded size, so that neither writing nor reading one holds it in memory.

import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { uuidv7 } from 'uuidv7';

const CHUNK_BYTES = 1024 * 1024;
/** No mail and no download is served by more. */
const FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024;

export interface StoredFile {
  file: string;
  bytes: number;
  sha256: string;
}

/** Keeps what comes; a file that broke off belongs to no delivery, and is pruned. */
export async function storeFile(pool: Pool, delivery: string, pieces: AsyncIterable<Uint8Array>): Promise<StoredFile> {
  const file = uuidv7();
  await pool.query('insert into tem.report_file (id, delivery) values ($1, $2)', [file, delivery]);
  const hash = createHash('sha256');
  let bytes = 0;
  let n = 0;
  /** One chunk is on its way while the next one fills; they take turns in two buffers. */
  let stored: Promise<unknown> = Promise.resolve();
  let filling = Buffer.allocUnsafe(CHUNK_BYTES);
  let spare = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  const flush = async () => {
    await stored;
    const chunk = filling.subarray(0, filled);
    hash.update(chunk);
    stored = pool.query('insert into tem.report_chunk (file, n, bytes) values ($1, $2, $3)', [file, n++, chunk]);
    // It is asked for at the next flush.
    stored.catch(() => {});
    [filling, spare, filled] = [spare, filling, 0];
  };
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > FILE_BYTES_MAX) throw new RangeError(`the file is larger than ${FILE_BYTES_MAX} bytes: set a rowLimit`);
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + CHUNK_BYTES - filled);
      filling.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled === CHUNK_BYTES) await flush();
    }
  }
  if (filled > 0) await flush();
  await stored;
  return { file, bytes, sha256: hash.digest('hex') };
}

/** The pieces in their order. Throws when one of them is gone. */
export async function* readFile(pool: Pool, file: string, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for (let n = 0; left > 0; n++) {
    const { rows } = await pool.query<{ bytes: Buffer }>(
      'select bytes from tem.report_chunk where file = $1 and n = $2',
      [file, n],
    );
    const chunk = rows[0]?.bytes;
    if (!chunk) throw new Error('the file is no longer kept');
    left -= chunk.length;
    yield chunk;
  }
}

export async function readSecret(pool: Pool, name: 'link' | 'reader'): Promise<string> {
  const { rows } = await pool.query<{ value: string }>('select value from tem.report_secret where name = $1', [name]);
  return rows[0]?.value ?? '';
}
