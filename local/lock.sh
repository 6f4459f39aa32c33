#!/usr/bin/env bash
# Writes the hash locks of a folder from the .in files in it.
#
# usage:   local/lock.sh [FOLDER] [--upgrade]      (needs uv; other options go to `uv pip compile`)
# example: local/lock.sh tests/peers
#
# FOLDER is docs or a folder of tests. Without it: local, and with it tests, whose versions the others have for the packages that they share.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
folder='' tests=tests/requirements.txt
case ${1:-} in [a-z]*) folder=${1%/}; shift ;; esac

lock() {
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "local/lock.sh${folder:+ $folder}" "$@"
}

# The folder's own packages and local's.
own() { lock local/requirements.in "$folder/requirements.in" --output-file "$folder/requirements.txt" "$@"; }

# With other versions of some packages than the tests' lock. Without annotations: they would name the temporary file.
own_but() {
  others=$(mktemp)
  trap 'rm -f "$others"' EXIT
  sed -n 's/^\([A-Za-z0-9._-]*==.*[^ ]\) *\\$/\1/p' "$tests" | grep -Eiv "^($1)==" >"$others"
  own --no-annotate --constraints "$others" "${@:2}"
}

case $folder in
  '')
    lock local/requirements.in --output-file local/requirements.txt "$@"
    # The tests' lock also contains local's packages in the same versions, so that one environment is enough for both.
    lock local/requirements.in tests/requirements.in --constraints local/requirements.txt --output-file "$tests" "$@"
    ;;
  docs | tests/peers) own --constraints "$tests" "$@" ;;
  tests/mutation) own tests/requirements.in --constraints "$tests" "$@" ;;
  tests/observability) own_but sqlalchemy "$@" ;;
  tests/sqlalchemy20) own_but 'sqlalchemy|mysql-connector-python' "$@" ;;
  # It includes the pins of examples/sam and examples/cdk.
  tests/attach) lock tests/attach/requirements.in --output-file tests/attach/requirements.txt "$@" ;;
  tests/bench)
    all=tests/bench/requirements.txt shared=()
    own --constraints "$tests" "$@"
    for name in $(grep -o '^[A-Za-z0-9._-]*' "$all"); do shared+=(--no-emit-package "$name"); done
    # The additional packages of each contender, and the compiler of some.
    for more in tests/bench/contenders/*.in tests/bench/compiler.in; do
      lock "$more" --constraints "$all" "${shared[@]}" --output-file "${more%.in}.txt" "$@"
    done
    ;;
  # The runtime clients that Lambda's runtimes carry or carried; local/environment has the newest.
  tests/system/runtime_clients)
    for version in 3.0.2 3.1.1 4.0.4; do
      echo "awslambdaric==$version" | lock --no-deps - --output-file "$folder/$version.txt" "$@"
    done
    ;;
  *) echo "lock.sh: no locks are written in $folder: see the folders at the end of $0" >&2; exit 2 ;;
esac
