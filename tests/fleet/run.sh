#!/usr/bin/env bash
# Runs a fleet of function processes of each recipe through bursts, freezes and deaths, and writes what failed to report.md.
#
# usage:   tests/fleet/run.sh [--environments 40] [--max-connections 30] [--seed S] [--server mysql|mariadb] [--output FILE]
# example: tests/fleet/run.sh --environments 60
#
# An environment is a process of some 50 to 90 MB.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv tests
cd "$root"
exec "$PYTHON" -m tests.fleet "$@"
