// The event that fills an index, in slices with a heartbeat each; taken up on another worker it goes on where it was.

import { defineEventType, type EventType } from '../../../core/event-type.ts';
import { LoadPayload } from '../messages.ts';
import { sparingAttempts } from '../outage.ts';
import { updateIndex } from '../store.ts';
import { LOAD_TYPE } from './enqueue.ts';
import { LoadEnded } from './fill.ts';
import { type LoadDependencies, runLoad } from './load.ts';

const ATTEMPTS = 1_000;

export function loadType(dependencies: () => LoadDependencies): EventType {
  return defineEventType({
    name: LOAD_TYPE,
    payload: LoadPayload,
    long: true,
    timeout: '30d',
    // A target that is away for days is no reason to give up.
    retry: { maxAttempts: ATTEMPTS, base: '1s', cap: '1m' },
    async handle({ payload }, { signal, heartbeat }) {
      const { pool } = dependencies();
      try {
        return await sparingAttempts(() => runLoad(dependencies(), payload.index, { signal, progress: heartbeat }));
      } catch (error) {
        if (error instanceof LoadEnded) return { ended: error.message };
        await updateIndex(pool, payload.index, ['loading'], 'error = $3', [
          (error as Error).message.slice(0, 500),
        ]).catch(() => {});
        throw error;
      }
    },
    async compensate({ payload }) {
      const { pool } = dependencies();
      await updateIndex(pool, payload.index, ['loading'], `state = 'cancelled'`);
      await pool.query('update tem.search_state set revision = revision + 1');
    },
  });
}
