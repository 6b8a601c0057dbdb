// A report's definition and deliveries, as /v1/reports answers them.

import { below, type Json } from '../../../../console/index.ts';

/** The definition beside what TEM adds to it. */
export type Report = { [name: string]: Json } & {
  id: string;
  title: string;
  source: string;
  sql: string;
  format: string;
  recipients: string[];
  createdAt: string;
  updatedAt: string;
};

export interface Delivery {
  id: string;
  event: string | null;
  state: string;
  note: string | null;
  error: string | null;
  fileName: string | null;
  rows: number | null;
  more: boolean | null;
  bytes: number | null;
  recipients: { address: string; state: string; detail: string | null }[];
  createdAt: string;
  finishedAt: string | null;
  fileUntil: string | null;
}

export function reportPath(id: string, part?: string): string {
  return `${below('/v1/reports', id)}${part ? `/${part}` : ''}`;
}

/** What a person writes of it. */
export function definitionOf({ id: _, createdAt: _created, updatedAt: _updated, ...definition }: Report): Json {
  return definition as Json;
}

export const NEW_DEFINITION: Json = {
  title: '',
  source: 'ledger',
  sql: 'select type, state, count(*) as events from tem.event group by type, state order by type, state',
  format: 'csv',
  recipients: [],
};
