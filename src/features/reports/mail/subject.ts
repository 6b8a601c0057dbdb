// Subjects after RFC 2047: the whole of one that isn't plain ASCII is encoded, in words of at most 75 characters that cut
// no letter. A decoder drops what stands between two words, so every space is inside of one.

const WORD_MAX = 75;
const PREFIX = '=?UTF-8?B?';
const SUFFIX = '?=';
/** Three bytes become four characters. */
const WORD_BYTES_MAX = Math.floor((WORD_MAX - PREFIX.length - SUFFIX.length) / 4) * 3;
const LINE_MAX = 60;

/** One line without control characters, as a header takes it. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what has no place in a header
  return text.replace(/[\x00-\x1f\x7f\u2028\u2029]+/g, ' ').trim();
}

/** The value of the header Subject, folded. */
export function encodeSubject(text: string): string {
  const line = oneLine(text);
  // A long line would be folded, and decoders differ in what they make of the fold.
  if (/^[\x20-\x7e]*$/.test(line) && line.length <= LINE_MAX && !line.includes('=?')) return line;
  const words: string[] = [];
  let word = '';
  let bytes = 0;
  const flush = () => words.push(`${PREFIX}${Buffer.from(word).toString('base64')}${SUFFIX}`);
  for (const letter of line) {
    const size = Buffer.byteLength(letter);
    if (bytes + size > WORD_BYTES_MAX) {
      flush();
      word = '';
      bytes = 0;
    }
    word += letter;
    bytes += size;
  }
  if (word !== '') flush();
  return words.join('\r\n ');
}
