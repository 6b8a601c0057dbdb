// A small feature that has every part a feature can have, so that each is tried on real processes.

import { Gauge } from 'prom-client';
import { Type } from 'typebox';
import { defineEventType } from '../../../src/core/event-type.ts';
import type { AnyFeature, Feature } from '../../../src/core/feature.ts';
import { whole } from '../../../src/settings.ts';
import { exampleRoutes } from './routes.ts';

export interface ExampleSettings {
  volume: number;
  names: string[];
}

const Greeting = Type.Object({ name: Type.String(), does: Type.Optional(Type.String()) });

const feature: Feature<ExampleSettings> = {
  name: 'example',
  settings: {
    help: { TEM_VOLUME: 'how loud (3)', 'TEM_GREETED_<NAME>': 'somebody to greet' },
    read: ({ parsed, family }) => ({
      volume: parsed('TEM_VOLUME', 3, whole(1, 10)),
      names: Object.keys(family('TEM_GREETED_<NAME>')),
    }),
  },
  eventTypes: ({ settings, pool }) => [
    defineEventType({
      name: 'example.greeting',
      payload: Greeting,
      retry: { maxAttempts: 2, base: '100ms' },
      workflow: 'exampleGreeting',
      async compensate(event, { tx }) {
        await tx.query(`insert into heard values ('compensated ' || $1)`, [event.payload.name]);
      },
    }),
    defineEventType({
      name: 'example.loud',
      payload: Greeting,
      timeout: '10s',
      // Handlers that hold `tx` and ask the feature's pool must not wait for each other.
      async handle(event, { tx }) {
        await tx.query('select pg_sleep(0.1)');
        await pool.query('select 1');
        return { volume: settings.volume, name: event.payload.name };
      },
    }),
  ],
  workflows: ['exampleGreeting'],
  activities: ({ payloadOf, pool }) => ({
    async 'example.greet'({ event }: { event: string }) {
      const { name, does = 'end' } = (await payloadOf(event)) as { name: string; does?: string };
      await pool.query(`insert into heard values ('greeted ' || $1)`, [name]);
      return { greeting: `Hello, ${name}`, does };
    },
    async 'example.noteCancel'() {
      await pool.query(`insert into heard values ('cancelled')`);
    },
  }),
  background: ({ pool, workerId }) => {
    const note = (what: string) => pool.query('insert into heard values ($1)', [`${what} ${workerId}`]);
    return [
      {
        name: 'everywhere',
        on: 'everyWorker',
        start: async () => void (await note('started everywhere')),
        stop: async () => void (await note('stopped everywhere')),
      },
      {
        name: 'once',
        on: 'oneWorker',
        start: async () => void (await note('started once')),
        stop: async () => void (await note('stopped once')),
      },
    ];
  },
  routes: exampleRoutes,
  commands: [
    {
      name: 'example',
      description: 'greet',
      load: async () => (command) => void command.action(() => void process.stdout.write('Hello\n')),
    },
  ],
  metrics: (registry, { pool }) => {
    const heard = new Gauge({
      name: 'example_heard',
      help: 'What was heard.',
      registers: [registry],
      async collect() {
        const { rows } = await pool.query('select count(*)::int as count from public.heard');
        heard.set(rows[0].count);
      },
    });
  },
  health: async ({ settings }) => [{ name: 'example', ok: settings.volume < 10, detail: 'too loud', isWarning: true }],
  prune: async ({ pool }) => {
    const { rowCount } = await pool.query(
      `delete from heard where ctid in (select ctid from heard where what = 'old' limit 2)`,
    );
    return rowCount === 2;
  },
};

export const example: AnyFeature = feature;
