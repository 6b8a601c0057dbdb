// A NUL in a path or a query, on every route that the API's description lists.

import { describe, expect, it } from 'vitest';
import { setup } from './setup.ts';

const { call } = await setup();

describe('a NUL in an address', async () => {
  const { paths } = (await call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
  };
  const all = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [] }]) => ({ path, method, parameters })),
  );
  const queries = all
    .filter(({ method }) => method === 'get')
    .flatMap(({ path, parameters }) =>
      parameters.filter((parameter) => parameter.in === 'query').map(({ name }): [string, string] => [path, name]),
    );
  it.each(queries)('%s: the parameter %s is refused in words', async (path, name) => {
    const url = `${path.replaceAll(/\{\w+\}/g, '01890000-0000-7000-8000-000000000000')}?${name}=a%00b`;
    const answer = await call('GET', url);
    expect(answer.status, JSON.stringify(answer.body)).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_query', path: `/${name}` });
  });
  const inPath = all
    .filter(({ path }) => path.includes('{'))
    .map(({ path, method }): [string, string] => [method, path]);
  it.each(inPath)('%s %s finds nothing or refuses it', async (method, path) => {
    const url = path.replaceAll(/\{\w+\}/g, 'a%00b');
    const answer = await call(method.toUpperCase() as 'GET', url, method === 'put' ? {} : undefined);
    expect([400, 404], JSON.stringify(answer.body)).toContain(answer.status);
  });
});
