// The OpenAPI 3.1 document and the docs page, both made from the schemas that check the requests. Nothing is fetched
// from elsewhere: the page works offline.

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync } from 'fastify';
import type { Api } from './api.ts';
import { NoQuery } from './schemas.ts';

/** To be registered before the routes that it describes. */
export async function describeApi(app: Api, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'TEM',
        version,
        description:
          'Events in, durable workflows out. Errors are RFC 9457 problems with a stable `code`; times are RFC 3339 UTC.',
      },
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key, such as the admin key that `tem up` prints.',
          },
          userToken: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'HS256, signed by the application: `sub` is the user, `exp` is required.',
          },
        },
      },
      security: [{ apiKey: [] }],
    },
  });
  const page: FastifyPluginAsync = async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' };
    });
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
      staticCSP: true,
    });
  };
  await app.register(page);
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true, querystring: NoQuery } }, () =>
    app.swagger(),
  );
}
