# The image of both programs. `npm run build` fills dist/image/ first.
# They are started as `node /app/controller.mjs` and `node /app/exporter.mjs`.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
FROM ${NODE_IMAGE}
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
WORKDIR /app
COPY dist/image/ /app/
USER 65532:65532
# The base image's own entry point is a shell script; ours needs no shell.
ENTRYPOINT []
CMD ["node", "/app/controller.mjs"]
