# syntax=docker/dockerfile:1
# Build: the whole tool chain. Run: Debian slim, Node LTS, compiled code and production packages only.
# By tag for whoever builds it at home; scripts/release-image gives the digest.
ARG NODE_IMAGE=node:24-bookworm-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.mjs scripts/tsconfig.build.json scripts/
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Headgate" \
      org.opencontainers.image.licenses="Apache-2.0"
# The root file system may be read-only (docker run --read-only): data, temporary files and DuckDB's spill all lie on the volume.
ENV NODE_ENV=production \
    HEADGATE_DATA_DIR=/data \
    TMPDIR=/data/tmp
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN mkdir -p /data/tmp && chown -R 1000:1000 /data && chmod 0700 /data
USER 1000:1000
VOLUME /data
EXPOSE 8080 8081
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["node", "dist/main.js", "health"]
STOPSIGNAL SIGTERM
# Node as process 1 gets the signal itself: `headgate serve` drains and exits within shutdown.totalMs (25 s by default).
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
