# Builds one layer in the image of its Lambda runtime. The output is the zip and its manifest:
#
#   DOCKER_BUILDKIT=1 docker build --output type=local,dest=dist .
#
# or an image with the zip's files in /opt, for functions that are container images (layer/README.md):
#
#   docker build --target image --tag rdspool:python3.13 .
#
# BASE may have a digest. ARCHITECTURE is that of the layer and may differ from the machine's, because the build runs only this machine's
# Python. Its default is the platform of the image.
ARG PYTHON_VERSION=3.13
ARG BASE=public.ecr.aws/lambda/python:${PYTHON_VERSION}

FROM --platform=$BUILDPLATFORM ${BASE} AS build
ARG PYTHON_VERSION
ARG TARGETARCH
ARG ARCHITECTURE=${TARGETARCH}
# For a package index other than pip's default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
WORKDIR /build
COPY LICENSE pyproject.toml ./
COPY layer layer
COPY python python
RUN --mount=type=cache,target=/cache \
    python3 -m layer.building.assemble --python "$PYTHON_VERSION" --architecture "$ARCHITECTURE" --cache /cache --output /dist

# Lambda unpacks a layer into /opt. The times of the files are the zip's, not those of the build.
FROM build AS opt
RUN python3 -m layer.building.unpack /dist/*.zip /image/opt

FROM scratch AS image
COPY --from=opt /image /

FROM scratch
COPY --from=build /dist /
