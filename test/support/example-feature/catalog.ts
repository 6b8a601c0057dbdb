// The workflows of a worker that has the example feature: the product's and its own.

export * from '../../../src/workflows/index.ts';
export { exampleGreeting } from './workflows.ts';
