# Sourced by the project's scripts. Creates the virtual environment .venv from the hash locks, or returns at once if it is up to date.
#
#   . local/setup.sh
#   setup_venv              # the packages of local/, layer/ and examples/
#   setup_venv tests        # and those of the tests
#   setup_venv tests 2.0    # those of the driver's tests, with SQLAlchemy 2.0 and the oldest connector, in .venv-sqlalchemy2.0
#   setup_venv own bench    # those of tests/bench/requirements.txt, in an environment in the cache
#   setup_venv docs         # those of docs/requirements.txt, in an environment in the cache
#
# Sets $PYTHON to the environment's interpreter (3.12 to 3.14; Debian's is downloaded if this machine has none).
# pip uses the machine's configuration (PIP_* variables, pip.conf). Progress goes to stderr. A failure returns non-zero.
# RDSLOCAL_VENV=FOLDER uses another folder than .venv. The environment for SQLAlchemy 2.0 is created beside it, and with RDSLOCAL_PYTHON=X.Y
# that for this Python.

_setup_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
_setup_cache=${RDSLOCAL_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set RDSLOCAL_CACHE to a folder}/.cache}/rdspool}

_setup_say() { printf 'setup: %s\n' "$*" >&2; }

# An installed version is better than a download of the preferred one.
_setup_interpreter() {
  local version
  if [ -n "${RDSLOCAL_PYTHON:-}" ]; then "$_setup_root/local/python.sh" "$RDSLOCAL_PYTHON"; return; fi
  for version in 3.13 3.14 3.12; do
    "$_setup_root/local/python.sh" --no-fetch "$version" 2>/dev/null && return
  done
  _setup_say "no Python 3.12, 3.13 or 3.14 on this machine: downloading Debian's 3.13"
  "$_setup_root/local/python.sh" 3.13
}

# A minimal Debian has no CA certificates, so pip trusts no server. Exported, because the caller's pip commands need them too.
_setup_certificates() {
  local bundle=$_setup_cache/ca-certificates.pem file
  [ -z "${PIP_CERT:-}${SSL_CERT_FILE:-}" ] || return 0
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do [ ! -e "$file" ] || return 0; done
  if [ ! -s "$bundle" ]; then
    "$_setup_root/local/debian.sh" host "$_setup_cache/ca-certificates" ca-certificates || return
    cat "$_setup_cache"/ca-certificates/usr/share/ca-certificates/mozilla/*.crt >"$bundle.$$" && mv -f "$bundle.$$" "$bundle" || return
  fi
  export PIP_CERT=$bundle
}

# Prints nothing on success. After a failure, prints pip's last output including warnings, which contain the reasons.
_setup_install() {
  local venv=$1 log=$1/.pip.log; shift
  _setup_pip "$venv" install --quiet --disable-pip-version-check --progress-bar off "$@" >"$log" 2>&1 && { rm -f "$log"; return; }
  tail -20 "$log" >&2
  return 1
}

# Debian packages ensurepip's wheel separately. Without it, run pip from Debian's wheel, which is downloaded.
_setup_pip() {
  local venv=$1; shift
  if [ -f "$venv/.pip" ]; then
    PYTHONPATH=$(cat "$venv/.pip") "$venv/bin/python" -m pip "$@"
  else
    "$venv/bin/python" -I -m pip "$@"
  fi
}

_setup_create() {
  local venv=$1 interpreter=$2 wheel
  rm -rf -- "$venv"
  if "$interpreter" -I -c 'import ensurepip; assert ensurepip.version()' 2>/dev/null &&
    "$interpreter" -I -m venv "$venv" >/dev/null 2>&1; then return; fi
  rm -rf -- "$venv"
  "$interpreter" -I -m venv --without-pip "$venv" || return
  "$_setup_root/local/debian.sh" trixie "$_setup_cache/pip" python3-pip-whl || return
  wheel=$(ls "$_setup_cache"/pip/usr/share/python-wheels/pip-*.whl) && printf '%s' "$wheel" >"$venv/.pip"
}

# Runs once at a time. The stamp is written at the end, so an interrupted installation is repeated.
_setup_build() (
  local venv=$1 stamp=$2 lock=$3 interpreter=$4
  mkdir -p "$_setup_cache" || { _setup_say "can't write below $_setup_cache: set RDSLOCAL_CACHE to a folder that you can write"; return 1; }
  exec 6>"$_setup_cache/venv-$(printf %s "$venv" | cksum | cut -d' ' -f1).lock"
  flock -n 6 || { _setup_say "waiting for another process that creates $venv"; flock 6; }
  [ -f "$venv/.stamp" ] && [ "$(cat "$venv/.stamp")" = "$stamp" ] && return
  if [ ! -f "$venv/.interpreter" ] || [ "$(cat "$venv/.interpreter")" != "$interpreter" ] || ! "$venv/bin/python" -I -c '' 2>/dev/null; then
    _setup_say "creating the virtual environment $venv ($interpreter)"
    _setup_create "$venv" "$interpreter" || { _setup_say "the virtual environment $venv could not be created (reason above)"; return 1; }
    printf '%s' "$interpreter" >"$venv/.interpreter"
  fi
  rm -f "$venv/.stamp"
  _setup_say "installing $(grep -c '^[A-Za-z0-9]' "$lock") packages from ${lock#"$_setup_root"/} (once; a minute or so)"
  _setup_install "$venv" --require-hashes -r "$lock" || {
    _setup_say "pip could not install ${lock#"$_setup_root"/} (its reason is above): check the network and pip's configuration, then run this again"
    return 1
  }
  if [ -f "$_setup_root/pyproject.toml" ]; then
    # Without build isolation, which would download a build backend without a hash. The lock has the backend.
    _setup_install "$venv" --no-deps --no-build-isolation -e "$_setup_root" || {
      _setup_say "pip could not install $_setup_root itself (its reason is above)"
      return 1
    }
  fi
  printf '%s' "$stamp" >"$venv/.stamp.$$" && mv -f "$venv/.stamp.$$" "$venv/.stamp"
)

# The part of rdspool in C, where its tests or its benchmark run: the same bytes as in the layer. The build of a layer compiles its own.
_setup_extension() {
  [ -f "$_setup_root/layer/extension.py" ] || return 0
  PYTHONPATH=$_setup_root "$PYTHON" -m layer.extension --cache "$_setup_cache"
}

setup_venv() {
  _setup_environment "$@" || return
  [ -z "$*" ] || _setup_extension
}

_setup_environment() {
  local venv=${RDSLOCAL_VENV:-$_setup_root/.venv} lock=$_setup_root/local/requirements.txt interpreter stamp
  venv=$venv${RDSLOCAL_PYTHON:+-python$RDSLOCAL_PYTHON}
  case "$*" in
    '') ;;
    tests | 'tests 2.1') lock=$_setup_root/tests/requirements.txt ;;
    'tests 2.0') venv=$venv-sqlalchemy2.0 lock=$_setup_root/tests/sqlalchemy20/requirements.txt ;;
    docs) lock=$_setup_root/docs/requirements.txt venv=$_setup_cache/docs-$(printf %s "$_setup_root" | cksum | cut -d' ' -f1) ;;
    'own '*) lock=$_setup_root/tests/$2/requirements.txt venv=$_setup_cache/$2-$(printf %s "$_setup_root" | cksum | cut -d' ' -f1) ;;
    *) _setup_say "there is no environment '$*': the tests run with SQLAlchemy 2.0 or 2.1"; return 2 ;;
  esac
  # The stamp includes the sources of rdspool's metadata, because pip stores the metadata at installation.
  _setup_sums() { cat "$1" "$_setup_root"/{pyproject.toml,python/rdspool/version.py} 2>/dev/null | sha256sum | cut -d' ' -f1; }
  # The tests' lock contains local's packages, so an environment with the tests' lock is always sufficient.
  PYTHON=$venv/bin/python
  _setup_certificates || return
  if [ -f "$venv/.stamp" ] && "$PYTHON" -I -c '' 2>/dev/null; then
    stamp=$(cat "$venv/.stamp")
    [ "$stamp" != "$_setup_root $(_setup_sums "$_setup_root/tests/requirements.txt")" ] || return 0
    [ "$stamp" != "$_setup_root $(_setup_sums "$lock")" ] || return 0
    # The environment is outdated, but its interpreter works.
    interpreter=$(cat "$venv/.interpreter")
  else
    interpreter=$(_setup_interpreter) || return
  fi
  _setup_build "$venv" "$_setup_root $(_setup_sums "$lock")" "$lock" "$interpreter"
}
