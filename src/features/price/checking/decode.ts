// The text of an answer, by the charset that its header, a byte order mark or the page itself say. What is said wrongly is
// read as UTF-8.

/** Of an answer as it comes, and unpacked. */
export const ANSWER_BYTES_MAX = 2 * 1024 * 1024;
const META_WITHIN_BYTES = 2_048;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i;
const UTF8 = /^utf-?8$/i;

export const ACCEPT_ENCODING = 'gzip, br, deflate';

export function decode(bytes: Buffer, contentType: string | undefined): string {
  const charset =
    markOf(bytes) ??
    decoderOf(/charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType ?? '')?.[1]) ??
    (JSON_TYPE.test(contentType ?? '') ? undefined : metaOf(bytes));
  if (charset === undefined || charset === 'utf-8') return bytes.toString('utf8').replace(/^\ufeff/, '');
  return new TextDecoder(charset).decode(bytes);
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function metaOf(bytes: Buffer): string | undefined {
  const head = bytes.subarray(0, META_WITHIN_BYTES).toString('latin1');
  return decoderOf(/<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1]);
}

/** The name that TextDecoder has for a charset; undefined for one that doesn't exist. */
function decoderOf(charset: string | undefined): string | undefined {
  if (charset === undefined || UTF8.test(charset)) return charset && 'utf-8';
  try {
    return new TextDecoder(charset).encoding;
  } catch {
    return undefined;
  }
}
