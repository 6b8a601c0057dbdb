// A report's SQL that is refused before it runs, so that its author is told in words. It is no wall: that is the role, the
// read-only transaction and the cursor, which takes one query and nothing else.

import { QueryFailed } from './source.ts';

// Each letter can be taken in one way only: this runs on what people send.
const READS = /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/|\()*(select|with|values|table)\b/i;
const REFUSED: readonly [RegExp, string][] = [
  [/\bpg_(try_)?advisory_/i, 'advisory locks belong to programs: a report takes none'],
  [/\bset_config\s*\(/i, 'a report changes no settings'],
  [/\bdblink\w*\s*\(/i, 'a report reads its own source only: name another one in TEM_SOURCE_<NAME>'],
  [
    /\b(lo_(import|export|create|unlink|put|from_bytea)|pg_(read|write|stat)_(binary_)?file|pg_ls_\w+)\s*\(/i,
    'a report reads no files of the server',
  ],
  [/\bpg_(terminate|cancel)_backend\s*\(/i, "a report ends nobody's session"],
  [/\bpg_(notify|logical_\w+)\s*\(/i, 'a report tells nobody anything but its rows'],
];

/** Throws QueryFailed for what isn't one query that reads. */
export function refuseWrites(sql: string): void {
  if (!READS.test(sql)) {
    throw new QueryFailed('a report is one query that reads: it begins with select, with, values or table', false);
  }
  const plain = sql.replaceAll('"', '');
  for (const [pattern, words] of REFUSED) if (pattern.test(plain)) throw new QueryFailed(words, false);
}
