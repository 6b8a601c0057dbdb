// The event type of the benchmarks: a handler that does nothing, in a workflow of its own each time.

import { Type } from 'typebox';
import { defineEventType } from '../src/core/event-type.ts';

export const noop = defineEventType({
  name: 'bench.noop',
  payload: Type.Object({ text: Type.String() }, { additionalProperties: false }),
  handle() {},
});
