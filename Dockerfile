# One image for every room: `docker compose up` starts it once per room with another command.
FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /opt/fenghuo
ENV PATH=/opt/fenghuo/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY . .
# What only builds is taken out again, so that it is not in the image that runs.
RUN pip install --no-deps --no-build-isolation . \
 && pip uninstall --yes hatchling editables pathspec pluggy tomlkit trove-classifiers pip
# The recogniser's machine code, that of the check of card numbers too, for any processor of this architecture:
# a room reads it from its read-only root, and need not compile.
ENV NUMBA_CACHE_DIR=/opt/compiled NUMBA_CPU_NAME=generic
RUN fenghuo match --pretty 6222021001116245702 \
 && echo '{"id": "0", "text": "0"}' | fenghuo cluster

FROM python:3.11-slim
LABEL org.opencontainers.image.title="fenghuo" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin fenghuo
COPY --from=build /opt/fenghuo /opt/fenghuo
COPY --from=build /opt/compiled /opt/compiled
ENV PATH=/opt/fenghuo/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FENGHUO_DATA_DIR=/tmp/fenghuo \
    NUMBA_CACHE_DIR=/opt/compiled NUMBA_CPU_NAME=generic
WORKDIR /tmp
USER 10001
CMD ["fenghuo", "room", "consumers"]
