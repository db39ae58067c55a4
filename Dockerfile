# The image of the bot. Nothing that a builder of the last years would not know.
# PYTHON_IMAGE can name the same image at your own registry, or with its digest.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# What changes seldom comes first. Wheels only: no package runs code of its own here, and no compiler is needed.
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/case-insights \
 && pip --python /opt/case-insights/bin/python install --require-hashes --only-binary :all: -r requirements.txt \
 && pip install --require-hashes --only-binary :all: -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/case-insights/bin/python install --no-deps --no-index dist/*.whl \
 && mkdir /data

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/case-insights /opt/case-insights
# Numeric, so that Kubernetes can see that it is not root. Only /data belongs to it.
COPY --from=build --chown=10001:10001 /data /data
# Loopback is the default elsewhere; inside a container nobody could reach it. slack_sdk fails without a HOME, and this
# user has no entry that names one.
ENV PATH=/opt/case-insights/bin:$PATH PYTHONUNBUFFERED=1 HOME=/data CASE_INSIGHTS_HOST=0.0.0.0
# SQLite's file is made here unless DATABASE_URL says otherwise: mount a volume.
WORKDIR /data
USER 10001:10001
EXPOSE 3000
# http.client, because urllib would ask a proxy of the environment for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import http.client as h, os, sys; e = os.environ.get; c = h.HTTPConnection('127.0.0.1', int(e('CASE_INSIGHTS_PORT') or e('PORT') or 3000), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["case-insights"]
CMD ["run"]
