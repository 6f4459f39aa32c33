#!/usr/bin/env bash
# Builds the documentation site in dist/site. A link that leads nowhere, or a page that the navigation does not have, fails the build.
#
# usage:   docs/run.sh [FOLDER]          # another folder for the site
#          docs/run.sh --serve           # builds, serves at http://127.0.0.1:8000 and builds again when a page changes
#          docs/run.sh --timelines       # measures, and draws docs/timelines/*.svg again
#
# DOCS_REPOSITORY=URL makes links to files of the tree that are not pages. The packages are in an environment in the cache (docs/requirements.txt).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
setup_venv docs
case "${1:-}" in
  --timelines) cd "$root"; exec "$PYTHON" -m docs.timelines ;;
  --serve) cd "$root"; exec "$PYTHON" -m mkdocs serve --strict ;;
esac
site=$root/dist/site
if [ $# -gt 0 ]; then mkdir -p "$1"; site=$(cd "$1" && pwd); fi
cd "$root"
# Material for MkDocs prints an advertisement on each build.
NO_MKDOCS_2_WARNING=1 "$PYTHON" -m mkdocs build --strict --quiet --site-dir "$site"
echo "$site"
