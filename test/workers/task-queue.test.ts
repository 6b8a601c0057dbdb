// Which workers share a task queue: those on one ledger that run the same features and modules (rule 10).

import { expect, test } from 'vitest';
import { taskQueueOf } from '../../src/workers/task-queue.ts';
import { testConfig } from '../support/environment.ts';

const LEDGER = '0a1b2c3d-0000-4000-8000-000000000001';
const PLACES = [{ databaseUrl: 'postgres://127.0.0.1:1/x' }, { address: '127.0.0.1:1', namespace: 'default' }] as const;

const queue = (further: Record<string, string> = {}, ledger = LEDGER): string =>
  taskQueueOf(ledger, testConfig(...PLACES, further));

test('names the ledger, and no other ledger has it', () => {
  expect(queue()).toBe('tem-0a1b2c3d');
  expect(queue({}, '1a1b2c3d-0000-4000-8000-000000000001')).not.toBe(queue());
});

test('is one per set of features, in whatever order they are named', () => {
  const queues = [{}, { TEM_FEATURES: 'webhooks' }, { TEM_FEATURES: 'notifications' }].map((each) => queue(each));
  expect(new Set(queues).size).toBe(queues.length);
  const both = queue({ TEM_FEATURES: 'webhooks,notifications' });
  expect(both).toBe(queue({ TEM_FEATURES: 'notifications,webhooks' }));
  expect(queues).not.toContain(both);
});

test('is one per set of modules, in whatever order they are named and wherever they lie', () => {
  const types = queue({ TEM_EVENT_TYPES: 'shop.ts,./mail.ts' });
  expect(types).not.toBe(queue());
  expect(types).not.toBe(queue({ TEM_EVENT_TYPES: 'shop.ts' }));
  expect(types).toBe(queue({ TEM_EVENT_TYPES: './mail.ts,shop.ts' }));
  expect(types).toBe(queue({ TEM_EVENT_TYPES: '/srv/app/dist/shop.js,/srv/app/dist/mail.js' }));
  expect(types).not.toBe(queue({ TEM_EVENT_TYPES: 'shop.ts,./mail.ts', TEM_FEATURES: 'webhooks' }));
});
