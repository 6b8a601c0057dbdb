// Loaded first in the SDK's workflow threads. The SDK captures a stack for every promise that a workflow makes, only to
// answer the `__stack_trace` query; that is a quarter of the worker's CPU. See docs/decisions/0006.
'use strict';

const { promiseHooks } = require('node:v8');

promiseHooks.createHook = () => () => {};
