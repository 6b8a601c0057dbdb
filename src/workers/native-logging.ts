// The Temporal SDK's own log lines go through pino, and only those that need somebody's attention.

import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { FAILURE } from '../workflows/contract.ts';

/** Failures by which the workflows tell Temporal what the ledger has logged and kept already. */
const EXPECTED: ReadonlySet<unknown> = new Set(Object.values(FAILURE));

let installed = false;

/** Once per process: the SDK's runtime is a singleton and can't be given another logger later. */
export function createNativeLogging(log: Logger): void {
  if (installed) return;
  installed = true;
  const sdkLog = log.child({ from: 'temporal sdk' });
  Runtime.install({
    shutdownSignals: [],
    // A workflow task that lasts as long as its handler is how a first attempt runs, not a thing to warn about.
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      const { error } = (meta ?? {}) as { error?: unknown };
      if (EXPECTED.has((error as { type?: unknown } | undefined)?.type)) return;
      const about = error instanceof Error ? { error: error.message } : {};
      if (level === 'ERROR') sdkLog.error(about, message);
      else sdkLog.warn(about, message);
    }),
  });
}
