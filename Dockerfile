# The image of both programs. `npm run build` fills dist/image/ first.
# They are started as `node /app/controller.mjs` and `node /app/exporter.mjs`.
# Both bases can be named by digest: --build-arg NODE_IMAGE=docker.io/library/node@sha256:...
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
# Without a shell, npm and a package manager: the C and C++ libraries that Node needs, certificates and time zones.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12

FROM ${NODE_IMAGE} AS node

FROM ${BASE_IMAGE}
COPY --from=node /usr/local/bin/node /usr/local/bin/node
# A pod that reads a million rows stays small: where there is memory, V8 would take it for young garbage.
ENV NODE_ENV=production NODE_OPTIONS="--enable-source-maps --max-semi-space-size=16"
WORKDIR /app
COPY dist/image/ /app/
USER 65532:65532
# A base image's own entry point may be a shell script; ours needs no shell.
ENTRYPOINT []
CMD ["node", "/app/controller.mjs"]
