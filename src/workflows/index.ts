// The catalog of every durable workflow. A workflow's name is in histories and in other releases: never rename one.

export { priceSweep } from '../features/price/workflows.ts';
export { event } from './event.ts';
export { eventBatch } from './event-batch.ts';
export { reconcile } from './reconcile.ts';
export { scheduleFiring } from './schedule-firing.ts';
