// Flow limits: what may run how often and how many at once, over all workers, changed while they run.

export { createFlowBook, type FlowBook } from './book.ts';
export { Flows, type Leave, type TakeOptions } from './flows.ts';
export type { Flow, Rate, RatePer } from './rules.ts';
export { deleteFlow, type FlowRow, getFlow, listFlows, putFlow } from './store.ts';
