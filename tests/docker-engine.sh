#!/usr/bin/env bash
# Starts a private Docker engine with a stand-in for Lambda's Python image, runs a command with DOCKER_HOST set, stops the engine.
#
# usage:   tests/docker-engine.sh X.Y COMMAND...
# example: tests/docker-engine.sh 3.13 ./build.sh --docker --python 3.13
#
# Needs root on a Debian-like machine. The engine is the machine's own dockerd, else Debian's docker.io from the cache; the image is
# Debian with the CPython that local/python.sh finds at /var/lang, imported as public.ecr.aws/lambda/python:X.Y. It asks no registry.
# Exit status: the command's; 3 when this machine cannot run an engine (one line says why).
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=${1:?usage: docker-engine.sh X.Y COMMAND...}; shift
cache=$(realpath -m -- "${RDSLOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rdspool}")
cannot() { echo "docker-engine.sh: $*" >&2; exit 3; }
[ "$(id -u)" = 0 ] || cannot "a Docker engine of one's own needs root: run this as root, or use an engine that is there (DOCKER_HOST)"

home=$(mktemp -d)
engine=
stop() {
  # The engine's containerd ends with it; both are ours alone.
  [ -z "$engine" ] || { kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true; }
  umount "$home/exec/netns/default" 2>/dev/null || true
  rm -rf "$home"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$home"/{run,config/cli-plugins,lib,image}
export DOCKER_HOST=unix://$home/run/docker.sock DOCKER_BUILDKIT=1 DOCKER_CONFIG=$home/config

libraries=
if [ ! -x /usr/sbin/dockerd ] || [ ! -x /usr/bin/docker ]; then
  packages=(docker.io)
  # Later releases of Debian have the client and BuildKit's in packages of their own.
  for package in docker-cli docker-buildx; do
    [ -z "$(apt-cache --names-only search "^$package\$" 2>/dev/null)" ] || packages+=("$package")
  done
  "$here/local/debian.sh" host "$cache/docker" "${packages[@]}" || exit
  for plugin in "$cache"/docker/usr/libexec/docker/cli-plugins/*; do
    [ ! -e "$plugin" ] || ln -s "$plugin" "$home/config/cli-plugins/"
  done
  # Only those that this machine lacks: its own C library must not meet another's parts.
  for library in "$cache"/docker/usr/lib/*-linux-gnu/*.so.* "$cache"/docker/lib/*-linux-gnu/*.so.*; do
    [ ! -e "$library" ] || ldconfig -p | grep -qF "$(basename "$library") " || ln -sf "$library" "$home/lib/"
  done
  libraries=$home/lib
  PATH=$cache/docker/usr/bin:$cache/docker/usr/sbin:$cache/docker/sbin:$PATH
else
  PATH=/usr/bin:/usr/sbin:$PATH
fi
export PATH

start() {
  LD_LIBRARY_PATH=$libraries setpriv --pdeathsig TERM dockerd --data-root "$home/data-$1" --exec-root "$home/exec" --pidfile "$home/run/dockerd.pid" \
    --host "$DOCKER_HOST" --storage-driver "$1" --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --bridge=none \
    >"$home/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 200); do
    ! docker version >/dev/null 2>&1 || return 0
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  engine=
  return 1
}
# overlay2 does not work on every file system that containers themselves are kept on; vfs does, slower.
start overlay2 || start vfs || cannot "dockerd does not start here: $(grep -iE 'fatal|failed|error' "$home/dockerd.log" | tail -1)"

python=$("$here/local/python.sh" "$version") || exit
prefix=$("$python" -I -c 'import sys; print(sys.base_prefix)')
base=(ca-certificates bash dash coreutils sed grep findutils tar gzip libc-bin base-files base-passwd libstdc++6)
case $prefix in
  /usr | "$cache"/*)
    # Debian's own interpreter is no folder that can be moved: the image is the release that it comes from.
    suite=host
    [ "$prefix" = /usr ] || case $version in 3.13) suite=trixie ;; *) suite=sid ;; esac
    root=$cache/image-python$version
    "$here/local/debian.sh" "$suite" "$root" "${base[@]}" "python$version" python3-pip || exit
    tar -C "$root" --numeric-owner -c . | tar -x -C "$home/image"
    mkdir -p "$home/image/var"
    ln -s ../usr "$home/image/var/lang"
    ;;
  *)
    root=$cache/image
    "$here/local/debian.sh" host "$root" "${base[@]}" libssl3 libffi8 libsqlite3-0 libbz2-1.0 libreadline8 liblzma5 zlib1g libuuid1 libexpat1 libncursesw6 || exit
    tar -C "$root" --numeric-owner -c . | tar -x -C "$home/image"
    mkdir -p "$home/image/var/lang"
    tar -C "$prefix" --exclude='./lib/python*/test' --exclude='./lib/python*/config-*' --exclude=__pycache__ --exclude=./share -c . |
      tar -x --no-same-owner -C "$home/image/var/lang"
    ;;
esac
mkdir -p "$home"/image/{var/task,var/runtime,opt,etc/ssl/certs,proc,dev,sys}
mkdir -p -m1777 "$home/image/tmp"
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$home/image/etc/ssl/certs/"
for file in passwd group; do [ -s "$home/image/etc/$file" ] || echo 'root:x:0:0:root:/root:/bin/bash' >"$home/image/etc/$file"; done
tar -C "$home/image" --numeric-owner -c . | docker import \
  --change 'ENV LANG=C.UTF-8 PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/bin' \
  --change 'ENV LD_LIBRARY_PATH=/var/lang/lib:/opt/lib LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
  --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
  --change 'WORKDIR /var/task' - "public.ecr.aws/lambda/python:$version" >/dev/null
rm -rf "$home/image"
"$@"
