// Rule 22, somebody is told: what is wrong becomes an incident, a row that is told when it begins and when it ends.

export type { Condition } from './condition.ts';
export { alertFindings } from './findings.ts';
export { listIncidents } from './incidents.ts';
export { watchIncidents } from './watch.ts';
