// GET /v1/stats as it is answered.

import { Type } from 'typebox';
import { STATES } from '../core/ledger/states.ts';
import { nullable, State, Time } from './schemas.ts';

const StateCounts = Type.Object(Object.fromEntries(STATES.map((state) => [state, Type.Integer()])));

export const StatsAnswer = Type.Object({
  at: Time,
  states: StateCounts,
  types: Type.Record(Type.String(), StateCounts),
  estimated: Type.Record(Type.String(), Type.Array(State), {
    description: 'Which counts of which types are estimates, because they are large; all others are exact.',
  }),
  rates: Type.Object({
    acceptedPerSecond: Type.Number({ description: 'Over the last minute.' }),
    processedPerSecond: Type.Number({ description: 'Over the last minute.' }),
  }),
  oldest: Type.Object({
    dueAgeMs: nullable(Type.Integer({ description: 'Of the unfinished event that is due for longest.' })),
  }),
  durations: Type.Record(
    Type.String(),
    Type.Object({
      events: Type.Integer({ description: 'How many the means are of.' }),
      waitedMs: Type.Integer({ description: 'From being due to the first attempt.' }),
      attemptMs: Type.Integer({ description: 'Of the attempt that processed it.' }),
    }),
    { description: 'By type: means over the newest events that were processed in the last hour, 100 at most.' },
  ),
  workers: Type.Object({ alive: Type.Integer(), stopping: Type.Integer() }),
});
