// How long the database took for one request, so that a page can say what it costs. Counted are the statements of pools that
// are made `timed`, from when they are sent until their answer is there; statements that run side by side are added up.

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import pg from 'pg';

export interface QueryTime {
  ms: number;
  statements: number;
}

const times = new AsyncLocalStorage<QueryTime>();

/** Statements sent by `run`, and by whatever it begins, are added to `time`. */
export function countQueryTime<Result>(time: QueryTime, run: () => Result): Result {
  return times.run(time, run);
}

/** A connection that counts the statements of whoever sends them. */
export function timedClient(Client: typeof pg.Client): typeof pg.Client {
  return class Timed extends Client {
    // biome-ignore lint/suspicious/noExplicitAny: the driver's own has a dozen forms, which go on as they are
    override query(...given: any[]): any {
      const time = times.getStore();
      const last = given.at(-1);
      const send = super.query.bind(this) as (...args: unknown[]) => unknown;
      if (!time) return send(...given);
      const startedAt = performance.now();
      const answered = (): void => {
        time.ms += performance.now() - startedAt;
        time.statements++;
      };
      if (typeof last === 'function') {
        return send(...given.slice(0, -1), (...answer: unknown[]) => {
          answered();
          last(...answer);
        });
      }
      const answer = send(...given);
      if (answer instanceof Promise) answer.then(answered, answered);
      return answer;
    }
  };
}

/** A pool that keeps track of who waits for a connection: it is handed out while another one's request runs. */
export class TimedPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Parameters<pg.Pool['connect']>[0]): void;
  override connect(callback?: Parameters<pg.Pool['connect']>[0]): Promise<pg.PoolClient> | undefined {
    if (!callback) return super.connect();
    super.connect(AsyncResource.bind(callback));
    return undefined;
  }
}
