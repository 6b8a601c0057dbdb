// The test run's Temporal, and a namespace of its own for each test, so that workflow ids never meet.

import { randomBytes } from 'node:crypto';
import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import { inject } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/core/temporal.ts';
import { atEnd } from './at-end.ts';
import { waitFor } from './wait.ts';

export interface TestTemporal {
  address: string;
  namespace: string;
  client: Client;
}

const RETENTION_SECONDS = 86_400;
// temporal.api.enums.v1.IndexedValueType
const KEYWORD = 2;

/** Registers a namespace with TEM's search attributes. Its client is closed when the test (or file) has ended. */
export async function createNamespace(options: { searchAttributes?: boolean } = {}): Promise<TestTemporal> {
  const address = inject('temporalAddress');
  const namespace = `test-${randomBytes(8).toString('hex')}`;
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  atEnd(async () => {
    await deleteSchedules(client);
    await connection.close();
  });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: RETENTION_SECONDS as never },
  });
  if (options.searchAttributes !== false) {
    const searchAttributes = Object.fromEntries(Object.keys(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD]));
    await waitFor(() => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
  } else {
    await waitFor(() => connection.workflowService.describeNamespace({ namespace }));
  }
  return { address, namespace, client };
}

/** One that goes on firing every two seconds costs the server 13 ms of processor time a second for the rest of the run. */
async function deleteSchedules({ schedule }: Client): Promise<void> {
  for await (const { scheduleId } of schedule.list()) {
    await schedule
      .getHandle(scheduleId)
      .delete()
      .catch((error: unknown) => {
        // The list still had one that the test itself has deleted.
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      });
  }
}

/** A client for what never asks Temporal. */
export function unreachableTemporal(): Client {
  return new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
}
