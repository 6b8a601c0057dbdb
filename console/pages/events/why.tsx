// In one cell: why an event has not run yet, or what its last attempt said.

import { Time } from '../../parts/time.tsx';
import type { EventJson } from './event.ts';

const SHOWN_MAX = 160;

export function Why({ event: { waiting, lastError, state } }: { event: EventJson }) {
  const error = state !== 'PROCESSED' && lastError ? lastError : undefined;
  return (
    <span class="why">
      {waiting && (
        <span>
          {waiting.detail}
          {waiting.until && (
            <>
              {' ('}
              <Time at={waiting.until} ahead />
              {')'}
            </>
          )}
        </span>
      )}
      {waiting && error && <br />}
      {error && <span class="error-text">{error.length > SHOWN_MAX ? `${error.slice(0, SHOWN_MAX)}…` : error}</span>}
    </span>
  );
}
