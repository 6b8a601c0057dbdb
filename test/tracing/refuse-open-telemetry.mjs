// For `node --import`: from then on no package of OpenTelemetry can be loaded, neither by import nor by require, but its API,
// which prom-client loads for itself and which does nothing alone.

import Module, { register } from 'node:module';

const PACKAGES = /^@opentelemetry\/(?!api$)/;
const refuse = `
  export async function resolve(specifier, context, next) {
    if (${PACKAGES}.test(specifier)) throw new Error('OpenTelemetry is loaded: ' + specifier);
    return next(specifier, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(refuse)}`);
const resolve = Module._resolveFilename;
Module._resolveFilename = (specifier, ...rest) => {
  if (PACKAGES.test(specifier)) throw new Error(`OpenTelemetry is loaded: ${specifier}`);
  return resolve(specifier, ...rest);
};
