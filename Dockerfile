# Two stages: build with the compilers, run without them. The steps are those of a fresh machine (scripts/setup.mjs).
#
#   docker build -t cairn .
#   docker run -p 6379:6379 -v cairn-data:/data cairn
#
# Docker's default seccomp profile refuses io_uring: the server then says so in its log, in INFO and in its metrics, and
# uses the epoll and thread-pool back end. For io_uring run with a profile that allows io_uring_setup, io_uring_enter
# and io_uring_register (--security-opt seccomp=PROFILE.json).

FROM node:20-bookworm AS build
WORKDIR /cairn
COPY package.json package-lock.json ./
COPY scripts ./scripts
# System packages and node_modules change rarely: a layer of their own.
RUN node scripts/setup.mjs
COPY . .
RUN node scripts/build.mjs && npm prune --omit=dev

FROM node:20-bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends liburing2 liblua5.1-0 librocksdb7.8 \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o node -g node /data
WORKDIR /cairn
COPY --from=build /cairn/package.json ./
COPY --from=build /cairn/node_modules ./node_modules
COPY --from=build /cairn/build/release/cairn.node /cairn/build/release/cairn_lsm.so ./build/release/
COPY --from=build /cairn/dist ./dist
COPY --from=build /cairn/bin ./bin
COPY --from=build /cairn/conf ./conf
USER node
VOLUME /data
EXPOSE 6379 9121
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "bin/cairn", "ping"]
ENTRYPOINT ["node", "bin/cairn"]
# Inside a container only published ports can be reached: listen everywhere, and let the publisher decide.
CMD ["serve", "conf/cairn.conf", "--bind", "*", "-::*", "--protected-mode", "no", "--metrics-bind", "0.0.0.0", "--dir", "/data"]
