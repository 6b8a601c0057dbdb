// Activities of features as parts of the attempt that their workflow makes: what they call carries its event's trace.

import { Context } from '@temporalio/activity';
import type { Pool } from 'pg';
import type { FeatureActivities } from '../core/feature.ts';
import { acting } from '../core/tracing/event-spans.ts';
import { inSpan, type Tracing, untraced } from '../core/tracing/index.ts';

/** The workflow of an attempt is named after its event's run (child-attempt.ts). */
const CHILD_OF = /^([^:]+):(.*)\/\d+\.\d+$/;

/** The same activities, each in a span; unchanged where nobody traces. */
export function traced(activities: FeatureActivities, pool: Pool, tracing: Tracing): FeatureActivities {
  if (tracing === untraced) return activities;
  return Object.fromEntries(
    Object.entries(activities).map(([name, activity]) => [
      name,
      async (input: unknown) => {
        const event = await eventOfRun(pool).catch(() => undefined);
        return event ? inSpan(acting(tracing, name, event), () => activity(input)) : activity(input);
      },
    ]),
  );
}

/** The event whose attempt this activity's workflow makes; undefined when it makes none, or its key is private. */
async function eventOfRun(pool: Pool): Promise<{ id: string; traceContext: string | null } | undefined> {
  const [, type, key] = CHILD_OF.exec(Context.current().info.workflowExecution?.workflowId ?? '') ?? [];
  if (type === undefined || key === undefined) return undefined;
  const { rows } = await pool.query<{ id: string; traceContext: string | null }>({
    name: 'traced-activity',
    text: 'select id, trace_context as "traceContext" from tem.event where type = $1 and key = $2',
    values: [type, decodeURIComponent(key)],
  });
  return rows[0];
}
