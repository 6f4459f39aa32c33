#!/usr/bin/env bash
# Runs the driver's unit tests with its part in C compiled for AddressSanitizer and UndefinedBehaviorSanitizer: a read or a write outside of a
# value, a use after the end of an object, or an overflow ends the run with a report.
#
# usage:   tests/sanitize.sh [pytest's arguments]      (needs gcc with its sanitizers, 12 or later; exit status 3: it is missing)
# example: STREAMS_COUNT=100000 STREAMS_SEED=7 tests/sanitize.sh tests/unit/test_server_streams.py
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
setup_venv tests
cd "$root"
library=$(gcc -print-file-name=libasan.so 2>/dev/null) || library=
[ -e "$library" ] || { echo "sanitize.sh: gcc with libasan is missing: apt install gcc" >&2; exit 3; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r python "$folder"
gcc -std=c17 -g -O1 -fPIC -shared -fvisibility=hidden -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
  python/rdspool/_driver/*.c -o "$folder/python/rdspool/_driver/_compiled.abi3.so"
# Python's own allocator hides the end of an object from the sanitizer; Python never frees all that it has at its end.
export PYTHONPATH=$folder/python PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0
export STREAMS_COUNT=${STREAMS_COUNT:-1000}
export LD_PRELOAD=$library:$(gcc -print-file-name=libstdc++.so)
[ $# -gt 0 ] || set -- tests/unit/test_compiled.py tests/unit/test_compiled_fill.py tests/unit/test_compiled_rows.py tests/unit/test_driver_rows.py tests/unit/test_driver_cursors.py tests/unit/test_server_streams.py
"$PYTHON" -c 'import sys; from rdspool._driver import _compiled; sys.exit(not _compiled.__file__.startswith(sys.argv[1]))' "$folder"
# Not what is written to the descriptors: the sanitizer writes its report there, and ends the process.
"$PYTHON" -m pytest -p no:cacheprovider --capture=sys "$@"
