#!/usr/bin/env bash
# Prints the path of a working CPython of a minor version: an installed one, otherwise Debian's, downloaded into the cache.
#
# usage:   local/python.sh [--no-fetch] X.Y
# example: "$(local/python.sh 3.13)" -m venv .venv
#
# Each candidate is run first, because version managers have shims for versions that are not installed.
# Exit status: 0 found, 1 the download failed, 2 wrong usage, 3 not available (one line says why). Errors and progress: stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fetch=yes
if [ "${1:-}" = --no-fetch ]; then fetch=; shift; fi
version=${1:-}
[[ $# = 1 && $version =~ ^3\.[0-9]+$ ]] || { echo "usage: python.sh [--no-fetch] X.Y (for example 3.13)" >&2; exit 2; }
cache=${RDSLOCAL_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set RDSLOCAL_CACHE to a folder}/.cache}/rdspool}
cache=$(realpath -m -- "$cache")

# Prints the path of the base interpreter, so that an active virtual environment is not used.
readonly PROBE='
import sys
assert sys.version_info[:2] == tuple(map(int, sys.argv[1].split("."))) and sys.implementation.name == "cpython"
import ctypes, hashlib, ssl, venv, zlib
print(getattr(sys, "_base_executable", None) or sys.executable)'
works() { [ -x "$1" ] && timeout 20 "$1" -I -B -c "$PROBE" "$version" 2>/dev/null; }

candidates() {
  type -ap "python$version" python3 python || true
  printf '%s\n' "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/"$version"*/bin/"python$version" \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/uv/python}"/cpython-"$version"[.-]*/bin/"python$version" \
    /usr/local/bin/"python$version" /opt/python/"$version"*/bin/"python$version" /usr/bin/"python$version"
}
while read -r candidate; do
  works "$candidate" && exit 0
done < <(candidates)

root=$cache/python$version
python=$root/usr/bin/python$version
if [ -f "$root/.ready" ]; then works "$python" && exit 0; fi
[ -n "$fetch" ] || exit 3

case $version in
  3.13) suite=trixie ;;
  3.14) suite=sid ;;
  *)
    echo "python.sh: no working CPython $version was found on the PATH, in pyenv's or uv's folders, and no Debian suite has it:" \
      "install one (pyenv install $version, or uv python install $version) and run this again" >&2
    exit 3
    ;;
esac
"$here/debian.sh" "$suite" "$root" "python$version" "python$version-venv" || {
  status=$?
  echo "python.sh: no working CPython $version was found on the PATH, in pyenv's or uv's folders, and Debian's could not be downloaded (reason above):" \
    "install one (apt install python$version python$version-venv, or uv python install $version) and run this again" >&2
  exit "$status"
}

# The paths of its loader and libraries are written into the executable (as RPATH, which also applies to extension modules). So it works
# without a wrapper: sys.executable, venv and subprocesses use it directly.
exec 7>"$root.lock"
flock 7
if [ ! -f "$root/.ready" ]; then
  "$here/debian.sh" host "$cache/patchelf" patchelf 7>&-
  triplet=$(basename "$(dirname "$(ls -d "$root"/usr/lib/*/libc.so.6)")")
  loader() { ls "$1"/lib64/ld-linux-*.so.* "$1"/lib/ld-linux-*.so.* 2>/dev/null | head -1; }
  cp "$python" "$python.new"
  "$(loader "$cache/patchelf")" --library-path "$cache/patchelf/usr/lib/$triplet" "$cache/patchelf/usr/bin/patchelf" \
    --set-interpreter "$(loader "$root")" --force-rpath --set-rpath "$root/usr/lib/$triplet" "$python.new"
  mv -f "$python.new" "$python"
  # ensurepip searches Debian's pip wheel below /usr, where this machine may have none or another version.
  sed -i "s#'/usr/share/python-wheels/*'#'$root/usr/share/python-wheels'#" "$root/usr/lib/python$version"/_sysconfigdata_*.py
  touch "$root/.ready"
fi
works "$python" || {
  echo "python.sh: Debian's python$version was downloaded to $root but does not run here: $("$python" -I -B -c "$PROBE" "$version" 2>&1 | tail -1)." \
    "Remove that folder and run this again, or install a CPython $version" >&2
  exit 3
}
