# Builds one layer in the image of its Lambda runtime. The output is the zip and its manifest:
#
#   DOCKER_BUILDKIT=1 docker build --output type=local,dest=dist .
#
# BASE may have a digest. ARCHITECTURE is that of the layer and may differ from the image's, because the build runs only this image's Python.
ARG PYTHON_VERSION=3.13
ARG BASE=public.ecr.aws/lambda/python:${PYTHON_VERSION}

FROM ${BASE} AS build
ARG PYTHON_VERSION
ARG ARCHITECTURE=x86_64
# For a package index other than pip's default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
WORKDIR /build
COPY LICENSE pyproject.toml ./
COPY layer layer
COPY python python
RUN --mount=type=cache,target=/cache \
    python3 -m layer.assemble --python "$PYTHON_VERSION" --architecture "$ARCHITECTURE" --cache /cache --output /dist

FROM scratch
COPY --from=build /dist /
