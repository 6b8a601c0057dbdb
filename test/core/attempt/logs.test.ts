// What a worker writes to its log: one line an event at info, each with the event's id, and a handler's own lines too.

import { expect, test } from 'vitest';
import { runBatch } from '../../../src/core/attempt/batch.ts';
import { openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const INFO = 30;

test('an event has one line at info, however many attempts it takes, and its handler writes with its id', async () => {
  const { accept, attempt, makeDue, lines } = await createBench([
    typeOf((event, { log }) => {
      log.debug({ seen: event.payload }, 'own words');
      if (event.attempt === 1) throw new Error('once');
    }),
  ]);
  const ids = [await accept('a'), await accept('b')];
  for (const id of ids) {
    await attempt(id);
    await makeDue(id);
    expect(await attempt(id)).toEqual({ outcome: 'processed' });
  }
  const told = (level: (level: number) => boolean) => lines.filter((line) => level(line.level as number));
  expect(told((level) => level >= INFO)).toMatchObject(
    ids.map((event) => ({ event, attempt: 2, msg: 'event processed', state: 'PROCESSED' })),
  );
  expect(lines.filter((line) => line.msg === 'own words')).toMatchObject([
    { event: ids[0], attempt: 1, seen: 'a' },
    { event: ids[0], attempt: 2, seen: 'a' },
    { event: ids[1], attempt: 1, seen: 'b' },
    { event: ids[1], attempt: 2, seen: 'b' },
  ]);
});

test('a set that was handled together says which events were in it', async () => {
  const type = typeOf(() => {}, { batch: 10, handleAll: async () => {} });
  const { accept, dependencies, lines } = await createBench([type]);
  const ids = [await accept(), await accept()];
  const members = ids.map((id) => ({ id, generation: 0, attempt: 1 }));
  expect(await runBatch(dependencies, type.name, members)).toEqual({ processed: 2 });
  expect(lines.filter((line) => line.msg === 'batch processed')).toMatchObject([{ events: ids }]);
});
