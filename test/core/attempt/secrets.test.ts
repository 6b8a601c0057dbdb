// What an error quotes of secret fields reaches neither the ledger nor the log (rule 21).

import { Type } from 'typebox';
import { expect, onTestFinished, test } from 'vitest';
import { runBatch } from '../../../src/core/attempt/batch.ts';
import { catchStrays } from '../../../src/workers/strays.ts';
import { openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const PASSWORD = 'correct horse "battery"';
const payload = Type.Object({ user: Type.String(), password: Type.String({ secret: true }) });
const login = { user: 'ada', password: PASSWORD };

type Bench = Awaited<ReturnType<typeof createBench>>;

/** All that can be read of the event, but for its payload. */
async function traces({ pool, lines }: Bench, id: string): Promise<string> {
  const { rows } = await pool.query(
    `select to_jsonb(e) - 'payload' as event, (select jsonb_agg(t) from tem.transition t where t.event_id = e.id) as steps
     from tem.event e where id = $1`,
    [id],
  );
  const text = JSON.stringify([rows, lines]);
  for (const part of ['correct horse', 'battery']) expect(text).not.toContain(part);
  return text;
}

test.each<[string, (given: typeof login) => unknown]>([
  [
    'a message',
    ({ password }) => {
      throw new Error(`wrong password ${password}`);
    },
  ],
  [
    'JSON',
    (given) => {
      throw given;
    },
  ],
  [
    'a text longer than what is kept',
    ({ password }) => {
      throw new Error(`${'x'.repeat(8_180)}${password}`);
    },
  ],
  [
    'a result that is none',
    ({ password }) => ({
      toJSON() {
        throw new Error(password);
      },
    }),
  ],
])('%s that quotes a secret is kept without it', async (_, act) => {
  const bench = await createBench([typeOf(({ payload: given }) => act(given as never), { payload })]);
  const id = await bench.accept(login);
  expect(await bench.attempt(id)).toMatchObject({ outcome: 'retry' });
  expect((await bench.row(id)).last_error).toMatch(/\[secret\]|x…$/);
  await traces(bench, id);
});

test('what Postgres quotes at the commit is kept without the secret', async () => {
  const bench = await createBench([
    typeOf(
      async ({ payload: given }, { tx }) => {
        await tx.query(`create function pg_temp.quote() returns trigger language plpgsql as
          $$ begin raise exception 'what is %?', new.event; end $$`);
        await tx.query(`create constraint trigger quotes after insert on effect deferrable initially deferred
          for each row execute function pg_temp.quote()`);
        await tx.query('insert into effect (event) values ($1)', [(given as typeof login).password]);
      },
      { payload },
    ),
  ]);
  const id = await bench.accept(login);
  await bench.attempt(id);
  expect((await bench.row(id)).last_error).toBe('what is [secret]?');
  await traces(bench, id);
});

test('a compensation that quotes a secret is kept without it', async () => {
  const fail = ({ payload: given }: { payload: unknown }): never => {
    throw new Error(`no way to undo ${(given as typeof login).password}`);
  };
  const bench = await createBench([
    typeOf(fail, { payload, retry: { maxAttempts: 1 }, compensationRetry: { maxAttempts: 2 }, compensate: fail }),
  ]);
  const id = await bench.accept(login);
  expect(await bench.attempt(id)).toEqual({ outcome: 'settle' });
  expect(await bench.settle(id)).toMatchObject({ outcome: 'again', error: 'no way to undo [secret]' });
  expect(await bench.settle(id)).toEqual({ outcome: 'extinct' });
  const { last_error, compensation_error } = await bench.row(id);
  expect([last_error, compensation_error]).toEqual(['no way to undo [secret]', 'no way to undo [secret]']);
  expect(await traces(bench, id)).toContain('compensation gave up');
});

test('a set that fails writes no secret into the log', async () => {
  const bench = await createBench([
    typeOf(() => {}, {
      payload,
      batch: 2,
      handleAll: (events) => {
        throw new Error(`what are ${events.map((event) => (event.payload as typeof login).password)}?`);
      },
    }),
  ]);
  const ids = [await bench.accept(login), await bench.accept(login)];
  const members = ids.map((id) => ({ id, generation: 0, attempt: 1 }));
  expect(await runBatch(bench.dependencies, 'probe', members)).toEqual({ processed: 2 });
  expect(await traces(bench, ids[0] as string)).toContain('what are [secret],[secret]?');
});

test('a promise that the handler left behind writes no secret', async () => {
  let leave: (error: unknown) => void = () => {};
  const bench = await createBench([
    typeOf(
      ({ payload: given }) => {
        leave(new Error(`what is ${(given as typeof login).password}?`));
        return new Promise(() => {});
      },
      { payload },
    ),
  ]);
  const strays = catchStrays(bench.pool, bench.dependencies.log);
  strays.start();
  onTestFinished(() => strays.stop());
  // Not by a real rejection, which the test's runner would take for a failure of the test.
  leave = process.listeners('unhandledRejection').at(-1) as typeof leave;
  const id = await bench.accept(login);
  expect(await bench.attempt(id)).toMatchObject({ outcome: 'retry' });
  expect((await bench.row(id)).last_error).toBe(
    'a promise or timer that the handler left behind failed: what is [secret]?',
  );
  expect(await traces(bench, id)).toContain('the handler left a promise or timer behind that failed');
});

test('an old payload that can no longer be upgraded is refused without its secret', async () => {
  const bench = await createBench([
    typeOf(() => {}, {
      payload,
      upgrade: (old) => {
        throw new Error(`what is ${(old as typeof login).password}?`);
      },
    }),
  ]);
  const id = await bench.accept({ password: PASSWORD });
  expect(await bench.attempt(id)).toEqual({ outcome: 'extinct' });
  expect((await bench.row(id)).last_error).toBe('payload refused: upgrade failed: what is [secret]?');
  await traces(bench, id);
});

test('a payload with a name of a megabyte is refused in a few words', async () => {
  const closed = Type.Object({}, { additionalProperties: false });
  const bench = await createBench([typeOf(() => {}, { payload: closed })]);
  const id = await bench.accept({ ['n'.repeat(1_000_000)]: 1 });
  expect(await bench.attempt(id)).toEqual({ outcome: 'extinct' });
  expect((await bench.row(id)).last_error).toMatch(/^payload refused: \/n{499}… is an unknown field$/);
});
