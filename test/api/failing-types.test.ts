// Types whose own code fails: their events are refused, and nobody else's.

import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { defineEventType } from '../../src/core/event-type.ts';
import { createEventTypes } from '../../src/core/event-types.ts';
import { setup } from './setup.ts';

it('rejects alone what the code of its type fails to judge', async () => {
  const judging = defineEventType({
    name: 'judging',
    payload: Type.Tuple([Type.String()]),
    refuse: ([word]) => {
      if (word === 'bad') throw new Error('no idea');
      return undefined;
    },
    handle: () => null,
  });
  const { call } = await setup({ dependencies: { eventTypes: createEventTypes([judging]) } });
  const events = [['good'], ['bad'], ['better'], [1]].map((payload) => ({ type: 'judging', payload }));
  const { status, body } = await call('POST', '/v1/events/batch', { events });
  expect([status, body.accepted]).toEqual([202, 2]);
  expect(body.rejected).toEqual([
    {
      index: 1,
      code: 'invalid_payload',
      path: '/events/1/payload',
      detail: "can't be checked: refuse failed: no idea",
    },
    { index: 3, code: 'invalid_payload', path: '/events/3/payload/0', detail: 'must be string' },
  ]);
  expect(await call('POST', '/v1/events', events[1])).toMatchObject({ status: 400, body: { path: '/payload' } });
});
