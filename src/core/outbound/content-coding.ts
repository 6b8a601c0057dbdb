// Bodies that a target has compressed though nobody said that it may. What was cut on its way is decoded as far as it goes,
// and never to more than was asked for.

import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const CUT = { finishFlush: constants.Z_SYNC_FLUSH };

/** The body in the clear, at most `maxBytes` of it; nothing for a coding that isn't known. Never rejects. */
export async function decodeBody(
  body: Buffer,
  coding: string | undefined,
  maxBytes: number,
): Promise<{ bytes: Buffer; complete: boolean }> {
  const decoder = decoderOf(coding?.trim().toLowerCase());
  if (decoder === 'none') return { bytes: body, complete: true };
  if (decoder === undefined) return { bytes: Buffer.alloc(0), complete: false };
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    decoder.end(body);
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      // Leaving the loop ends the decoder: a bomb ends here.
      if (bytes > maxBytes) break;
    }
    return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), complete: bytes <= maxBytes };
  } catch {
    // Broken on its way, or never what its header says.
    return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), complete: false };
  }
}

function decoderOf(coding: string | undefined) {
  switch (coding) {
    case undefined:
    case '':
    case 'identity':
      return 'none';
    case 'gzip':
    case 'x-gzip':
      return createGunzip(CUT);
    case 'deflate':
      return createInflate(CUT);
    case 'br':
      return createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH });
    default:
      return undefined;
  }
}
