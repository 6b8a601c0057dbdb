// Recipients as people write them, taken apart before anything of them comes near a header: no control character, one
// address each, twins once.

import { domainToASCII } from 'node:url';
import { ReportRefused } from '../parameters.ts';

export interface Recipient {
  address: string;
  name?: string | undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused
const CONTROL = /[\x00-\x1f\x7f\u2028\u2029]/;
const ADDRESS = /^([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@([^\s@<>(),;:\\"[\]]{1,253})$/;
const NAMED = /^(.*?)\s*<([^<>]+)>$/s;

/** Throws ReportRefused with the path of the one that is none. */
export function parseRecipients(texts: readonly string[], path = '/recipients'): Recipient[] {
  const found = new Map<string, Recipient>();
  for (const [index, text] of texts.entries()) {
    const recipient = parseRecipient(text, `${path}/${index}`);
    const twin = recipient.address.toLowerCase();
    if (!found.has(twin)) found.set(twin, recipient);
  }
  return [...found.values()];
}

function parseRecipient(text: string, path: string): Recipient {
  const trimmed = text.trim();
  if (CONTROL.test(text)) throw new ReportRefused(path, 'has a line break or another control character');
  const [, name, inside] = NAMED.exec(trimmed) ?? [undefined, undefined, trimmed];
  const [, local, domain] = ADDRESS.exec((inside as string).trim()) ?? [];
  const ascii = domain === undefined ? '' : domainToASCII(domain);
  if (local === undefined || ascii === '' || local.startsWith('.') || local.endsWith('.') || local.includes('..')) {
    throw new ReportRefused(path, 'is no address: write ada@example.com or Ada <ada@example.com>');
  }
  const plain = name
    ?.replace(/^"(.*)"$/s, '$1')
    .replaceAll('\\"', '"')
    .trim();
  return { address: `${local}@${ascii}`, ...(plain ? { name: plain } : {}) };
}
