// Starts on a Temporal that doesn't know TEM's search attributes: the event matters more than finding it there (rule 8).

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { eventWorkflowId } from '../../../src/core/workflow-id.ts';
import { createRelayBench, typeOf } from './bench.ts';

const ERROR_LEVEL = 50;
const single = typeOf('single');
const many = typeOf('many', { batch: 20 });

test('a start refused for its search attributes is repeated without them and reported once', async () => {
  const { dispatcher, enqueue, rows, temporal, starter, lines } = await createRelayBench([single, many], {
    registered: false,
  });
  const { serve, counters } = dispatcher();
  await enqueue(single, 2);
  expect(await serve(single)).toBe(2);
  expect(counters).toMatchObject({ started: 2 });
  for (const { type, key } of await rows(single)) {
    const run = await temporal.client.workflow.getHandle(eventWorkflowId(type, key, false)).describe();
    expect(run).toMatchObject({ type: 'event', status: { name: 'RUNNING' }, searchAttributes: {} });
    expect(run.memo).toMatchObject({ generation: 1 });
    // The run itself must not write them either.
    const { events } = await temporal.client.workflow.getHandle(run.workflowId).fetchHistory();
    const given = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    expect(JSON.parse(Buffer.from(given ?? []).toString())).toMatchObject({ searchAttributes: false });
  }
  expect(starter.searchAttributes()).toBe(false);
  const reports = lines.filter(({ level }) => level === ERROR_LEVEL).map(({ msg }) => msg);
  expect(reports).toEqual([expect.stringMatching(/refused the search attributes.*starting without them/)]);
});

test('so is the start of a batch', async () => {
  const { enqueue, rows, temporal, starter, pool } = await createRelayBench([many], { registered: false });
  await enqueue(many, 20);
  const { lanes } = await discoverLanes(pool, [many.name], 10);
  const claimed = await claim(pool, { workerId: randomUUID(), lanes, take: 20, workflowId: 'many:batch:1' });
  expect(await starter.startBatch(many, 'many:batch:1', claimed)).toBe(false);
  expect(await temporal.client.workflow.getHandle('many:batch:1').describe()).toMatchObject({
    type: 'eventBatch',
    status: { name: 'RUNNING' },
  });
  expect((await rows()).map(({ workflow_id }) => workflow_id)).toEqual(Array(20).fill('many:batch:1'));
});

test('with the attributes registered, runs are found by them', async () => {
  const { dispatcher, enqueue, rows, temporal, starter } = await createRelayBench([single]);
  await enqueue(single, 1);
  await dispatcher().serve(single);
  const [row] = await rows();
  const run = await temporal.client.workflow.getHandle(eventWorkflowId('single', row?.key ?? '', false)).describe();
  expect(run.searchAttributes).toMatchObject({ TemEventType: ['single'] });
  expect(starter.searchAttributes()).toBe(true);
});

test('a run of an event that had this key before is ended, one of another ledger is not', async () => {
  const { enqueue, temporal, starter, pool, ledgerId, taskQueue } = await createRelayBench([single]);
  await enqueue(single, 2);
  const { lanes } = await discoverLanes(pool, [single.name], 10);
  const [mine, taken] = await claim(pool, { workerId: randomUUID(), lanes, take: 2, workflowId: undefined });
  if (!mine || !taken) throw new Error('two were claimed');
  const { workflow } = temporal.client;
  const idOf = ({ key }: { key: string }) => eventWorkflowId('single', key, false);
  const start = (workflowId: string, memo: Record<string, unknown>) =>
    workflow.start('event', { workflowId, taskQueue, args: [], memo: { generation: 5, ...memo } });
  const before = await start(idOf(mine), { ledger: ledgerId, event: randomUUID() });
  await starter.startEvent(single, mine);
  const older = workflow.getHandle(idOf(mine), before.firstExecutionRunId);
  expect((await older.describe()).status.name).toBe('TERMINATED');
  expect((await workflow.getHandle(idOf(mine)).describe()).memo).toMatchObject({ event: mine.id, ledger: ledgerId });

  const other = await start(idOf(taken), { ledger: randomUUID(), event: randomUUID() });
  await expect(starter.startEvent(single, taken)).rejects.toThrow(/run of another ledger, .* namespace of its own/);
  expect((await other.describe()).status.name).toBe('RUNNING');
});
