// Events of one value over HTTP: what their answers say, what a held line does to whom, and giving up one that holds others.

import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { defineEventType } from '../../src/core/event-type.ts';
import { createEventTypes } from '../../src/core/event-types.ts';
import { type Answer, setup } from './setup.ts';

const entry = defineEventType({
  name: 'entry',
  payload: Type.Object({ account: Type.String() }),
  orderBy: '/account',
  orderAfterExtinct: 'hold',
  handle: () => null,
});
const { call, database } = await setup({ dependencies: { eventTypes: createEventTypes([entry]) } });
const post = (account: string): Promise<Answer> => call('POST', '/v1/events', { type: 'entry', payload: { account } });

test('an event says behind which it waits, from its acceptance on, and its type says by what', async () => {
  const first = await post('a');
  expect(first).toMatchObject({ status: 202, body: { waiting: { reason: 'slots' } } });
  const second = await post('a');
  const behind = { reason: 'behind', detail: `behind ${first.body.id}, which has the same value` };
  expect(second).toMatchObject({ status: 202, body: { state: 'QUEUED', waiting: behind } });
  expect((await call('GET', `/v1/events/${second.body.id}`)).body.waiting).toEqual(behind);
  const { body } = await call('GET', '/v1/events?type=entry');
  expect(body.events.map(({ waiting }: { waiting: { reason: string } }) => waiting.reason)).toEqual([
    'behind',
    'slots',
  ]);
  expect((await call('GET', '/v1/event-types')).body.eventTypes).toMatchObject([
    { name: 'entry', orderBy: '/account', orderAfterExtinct: 'hold' },
  ]);
  expect((await call('POST', `/v1/events/${first.body.id}/cancel`)).status).toBe(202);
  expect((await call('GET', `/v1/events/${second.body.id}`)).body.waiting.reason).toBe('slots');
});

test('while a transaction holds the line of a value, calls for it are told to come again, and others go through', async () => {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await client.query(`insert into tem.line (id, event_id)
      select tem.line_at('entry', '{"account": "held"}', '/account'), gen_random_uuid()`);
    const answers = await Promise.all(['b', 'held', 'c', 'held', 'd'].map(post));
    expect(answers.map(({ status }) => status)).toEqual([202, 503, 202, 503, 202]);
    expect(answers[1]?.headers['retry-after']).toBeDefined();
  } finally {
    await client.query('rollback');
    client.release();
  }
  expect((await post('held')).status).toBe(202);
});

test('an EXTINCT event that holds others is given up by a cancel, once', async () => {
  await database.pool.query(
    `insert into tem.event_type (name, definition, compensates) values ('entry', '{"orderAfterExtinct": "hold"}', false)`,
  );
  const [first, second] = [await post('e'), await post('e')];
  await database.pool.query(`update tem.event set state = 'EXTINCT', due_at = null where id = $1`, [first.body.id]);
  const waiting = async (): Promise<string> => (await call('GET', `/v1/events/${second.body.id}`)).body.waiting.reason;
  expect(await waiting()).toBe('behind');
  expect(await call('POST', `/v1/events/${first.body.id}/cancel`)).toMatchObject({
    status: 202,
    body: { state: 'EXTINCT' },
  });
  expect(await waiting()).toBe('slots');
  expect(await call('POST', `/v1/events/${first.body.id}/cancel`)).toMatchObject({ status: 409 });
});
