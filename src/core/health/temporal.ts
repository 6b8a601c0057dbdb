// Whether Temporal can be used: reachable, the namespace there, the search attributes registered.

import { type Connection, isGrpcServiceError } from '@temporalio/client';
import { connectClient, SEARCH_ATTRIBUTES, type TemporalConnectionOptions } from '../temporal.ts';
import type { Finding } from './finding.ts';

const CALL_TIMEOUT_MS = 5_000;
const GRPC_NOT_FOUND = 5;
const GRPC_DEADLINE_EXCEEDED = 4;
const GRPC_PERMISSION_DENIED = 7;
const GRPC_UNAVAILABLE = 14;
const GRPC_UNAUTHENTICATED = 16;

/** Opens a connection of its own, so that a stuck one elsewhere can't hide what is wrong. Never rejects. */
export async function checkTemporal(options: TemporalConnectionOptions, namespace: string): Promise<Finding> {
  const name = 'temporal';
  let connection: Connection | undefined;
  try {
    connection = await connectClient(options, CALL_TIMEOUT_MS);
    const { workflowService, operatorService } = connection;
    return await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
      await workflowService.describeNamespace({ namespace });
      const there = `${options.address}, namespace ${namespace}`;
      const registered = await operatorService.listSearchAttributes({ namespace }).then(
        ({ customAttributes }) => Object.keys(customAttributes),
        // Temporal Cloud doesn't answer that; TEM works without them.
        () => Object.keys(SEARCH_ATTRIBUTES),
      );
      const missing = Object.keys(SEARCH_ATTRIBUTES).filter((attribute) => !registered.includes(attribute));
      const without = `; without search attributes ${missing.join(', ')} (add them as Keyword to filter by them in the Web UI)`;
      return { name, ok: true, detail: missing.length > 0 ? there + without : there };
    });
  } catch (error) {
    return { name, ok: false, detail: problem(error, options.address, namespace) };
  } finally {
    await connection?.close();
  }
}

function problem(error: unknown, address: string, namespace: string): string {
  const code = isGrpcServiceError(error) ? Number(error.code) : undefined;
  if (code === GRPC_NOT_FOUND) {
    return `Temporal at ${address} has no namespace ${namespace}: create it, or set TEMPORAL_NAMESPACE`;
  }
  if (code === GRPC_PERMISSION_DENIED || code === GRPC_UNAUTHENTICATED) {
    return `Temporal at ${address} refuses these credentials: check TEMPORAL_API_KEY and the TEMPORAL_TLS_* settings`;
  }
  if (code === GRPC_DEADLINE_EXCEEDED || code === GRPC_UNAVAILABLE || code === undefined) {
    return `Temporal at ${address} can't be reached (${(error as Error).message})`;
  }
  return `Temporal at ${address}: ${(error as Error).message}`;
}
