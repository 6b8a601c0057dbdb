// Who an end user is to TEM: the `sub` of the token that the application signed. One rule for tokens, sockets and inboxes.

/** In characters (code points), as JSON Schema counts them. */
export const USER_LENGTH_MAX = 256;
// Users are also the items of a NOTIFY, which are separated by newlines.
export const USER_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

const PATTERN = new RegExp(USER_PATTERN, 'u');

export function isUser(text: string): boolean {
  // No text has more characters than code units.
  const fits = text.length <= USER_LENGTH_MAX || [...text.slice(0, 2 * USER_LENGTH_MAX + 1)].length <= USER_LENGTH_MAX;
  return text !== '' && fits && PATTERN.test(text);
}
