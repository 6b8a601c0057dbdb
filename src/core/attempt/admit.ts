// Whether the code of this process takes a stored payload: as it is, upgraded from an older shape, or not at all.

import type { EventType } from '../event-type.ts';
import type { EventTypes } from '../event-types.ts';
import { errorText, ledgerText } from '../ledger/mark.ts';
import { hidingSecrets } from '../secret-fields.ts';

/** A path holds names of fields, and those may be as long as the payload. */
const PATH_CHARACTERS_MAX = 500;

export type Admission = { payload: unknown } | { refusal: string };

/** Holds a payload against its type. A payload that the schema refuses goes through the type's `upgrade` first. */
export function admit(types: EventTypes, type: EventType, payload: unknown): Admission {
  const refusal = types.refusal(type, payload);
  if (!refusal || refusal.atAcceptOnly) return { payload };
  if (type.upgrade) {
    try {
      const upgraded = type.upgrade(payload);
      const still = types.refusal(type, upgraded);
      if (!still || still.atAcceptOnly) return { payload: upgraded };
    } catch (error) {
      return {
        refusal: `payload refused: upgrade failed: ${errorText(error, hidingSecrets(type.payload, [payload]))}`,
      };
    }
  }
  return { refusal: ledgerText(`payload refused: ${placeOf(refusal.path)} ${refusal.message}`) };
}

function placeOf(path: string): string {
  if (path === '') return 'the payload';
  return path.length > PATH_CHARACTERS_MAX ? `${path.slice(0, PATH_CHARACTERS_MAX)}…` : path;
}
