// The custom search attributes by which people find events in Temporal. Registered when the server lets us; without them
// events run all the same, and the summary says what each run is.

import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTES } from '../core/temporal.ts';

const KEYWORD = 2;

/** Whether both attributes are there, after trying to add those that are missing. */
export async function ensureSearchAttributes(client: Client, log: Logger): Promise<boolean> {
  const { namespace } = client.options;
  const { operatorService } = client.connection as unknown as {
    operatorService: {
      listSearchAttributes(request: {
        namespace: string;
      }): Promise<{ customAttributes?: Record<string, number> | null }>;
      addSearchAttributes(request: { namespace: string; searchAttributes: Record<string, number> }): Promise<unknown>;
    };
  };
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => customAttributes?.[name] === undefined);
    if (missing.length === 0) return true;
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
    return true;
  } catch (error) {
    log.warn(
      { error: (error as Error).message },
      'the search attributes TemEventType and TemState are missing and could not be added: events run without them',
    );
    return false;
  }
}
