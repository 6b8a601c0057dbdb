// Serves the operator console: one page for every address below /console, and the files that it names.

import { notFound } from '../../core/http/problem.ts';
import type { Api } from '../api.ts';
import { NoQuery } from '../schemas.ts';
import { type ConsoleFiles, loadConsole, type ServedFile } from './files.ts';
import { liveRoute } from './live.ts';
import { consolePage, PAGE_HEADERS } from './page.ts';
import { type SettingsDependencies, settingsRoute } from './settings.ts';

const YEAR_S = 31_536_000;

export function consoleRoutes(app: Api, dependencies: SettingsDependencies & Parameters<typeof liveRoute>[1]): void {
  settingsRoute(app, dependencies);
  liveRoute(app, dependencies);
  let loading: Promise<ConsoleFiles> | undefined;
  const load = (): Promise<ConsoleFiles> => {
    loading ??= loadConsole().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  // Beside the first requests, so that neither the API's start nor the first person waits for it.
  app.addHook('onListen', (done) => {
    load().catch((error: unknown) => app.log.error({ err: error }, 'the console can not be built'));
    done();
  });
  const config = { access: 'public' } as const;

  app.get('/console/assets/:name', { config, schema: { hide: true, querystring: NoQuery } }, async (request, reply) => {
    const { files } = await load();
    const file = files.get((request.params as { name: string }).name);
    if (!file) throw notFound('the file');
    const [encoding, content] = chosen(file, request.headers['accept-encoding'] ?? '');
    return reply
      .headers({
        ...PAGE_HEADERS,
        'content-type': file.type,
        'cache-control': `public, max-age=${YEAR_S}, immutable`,
        vary: 'accept-encoding',
        ...(encoding && { 'content-encoding': encoding }),
      })
      .send(content);
  });
  for (const url of ['/console', '/console/*']) {
    app.get(url, { config, schema: { hide: true } }, async (request, reply) => {
      const [path = ''] = request.url.split('?');
      return reply
        .headers({ ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
        .send(consolePage(await load(), path));
    });
  }
}

function chosen(file: ServedFile, accepted: string): ['br' | 'gzip' | undefined, Buffer] {
  // Only what is named counts: a proxy that takes anything says so for its own reasons.
  if (/\bbr\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)) return ['br', file.br];
  if (/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)) return ['gzip', file.gzip];
  return [undefined, file.plain];
}
