// Loaded into a worker before everything else: notes how long its named statements take, as the worker sees them, and
// writes them to the file that BENCH_STATEMENT_TIMES names, a line of JSON each: {name, at, ms}.

import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import pg from 'pg';

const WRITE_EVERY_MS = 1_000;
const file = process.env.BENCH_STATEMENT_TIMES;
const names = new Set(['claim', 'discover-lanes']);

if (file && isMainThread) {
  let lines = '';
  const write = () => {
    if (lines !== '') appendFileSync(file, lines);
    lines = '';
  };
  setInterval(write, WRITE_EVERY_MS).unref();
  process.once('exit', write);

  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function timedQuery(config, values, callback) {
    if (!names.has(config?.name)) return query.call(this, config, values, callback);
    const startedAt = performance.now();
    const note = (error) => {
      const ms = performance.now() - startedAt;
      if (!error)
        lines += `${JSON.stringify({ name: config.name, at: Math.round(performance.timeOrigin + startedAt), ms })}\n`;
    };
    // A pool gives a callback, in the place of the values when there are none apart.
    const given = typeof values === 'function' ? values : callback;
    if (given) {
      const noted = (error, result) => {
        note(error);
        given(error, result);
      };
      return typeof values === 'function' ? query.call(this, config, noted) : query.call(this, config, values, noted);
    }
    const promise = query.call(this, config, values);
    promise?.then?.(() => note(), note);
    return promise;
  };
}
