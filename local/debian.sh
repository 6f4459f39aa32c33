#!/usr/bin/env bash
# Puts Debian packages, with all they depend on, into a folder of their own: nothing is installed, no root rights are needed.
#
# usage:   local/debian.sh SUITE ROOT PACKAGE...
# example: local/debian.sh sid ~/.cache/rdspool/mysql mysql-server-core
#
# SUITE is a Debian suite (sid, trixie, ...) or `host`: whatever this machine's own apt sources name.
# ROOT is complete or absent, never half-made; the same call again returns at once, two callers at a time wait for each other.
# The mirror is the one that this machine's apt is configured with; RDSLOCAL_DEBIAN_MIRROR=URI names another.
# Lists and packages that were fetched are kept below ${RDSLOCAL_CACHE:-~/.cache/rdspool}/debian.
# Exit status: 0 ready, 1 failed, 2 wrong usage, 3 this machine can't (no apt, no Debian mirror known). Errors and progress: stderr.
set -euo pipefail
umask 022
export LC_ALL=C

say() { printf 'debian.sh: %s\n' "$*" >&2; }
fail() { local status=$1; shift; say "$@"; exit "$status"; }

[ $# -ge 3 ] || fail 2 "usage: debian.sh SUITE ROOT PACKAGE..."
suite=$1 root=$(realpath -m -- "$2"); shift 2
mapfile -t packages < <(printf '%s\n' "$@" | sort -u)
[[ $suite =~ ^[a-z0-9][a-z0-9.-]*$ ]] || fail 2 "not the name of a Debian suite: $suite (use host, sid, trixie, ...)"
for package in "${packages[@]}"; do
  [[ $package =~ ^[a-z0-9][a-z0-9.+-]+$ ]] || fail 2 "not the name of a Debian package: $package"
done

stamp="$suite ${packages[*]}"
whole() { [ -f "$root/.packages" ] && [ "$(cat "$root/.packages")" = "$stamp" ]; }
whole && exit 0

for tool in apt-get dpkg dpkg-deb flock tar; do
  command -v "$tool" >/dev/null || fail 3 "${packages[*]} can't be fetched: $tool is missing, so this is not a Debian-like machine." \
    "Run on Debian or Ubuntu (or in a container of it)."
done
if [ -e "$root" ] && [ ! -f "$root/.packages" ]; then
  fail 2 "$root exists and was not made by debian.sh: name another folder, or remove it"
fi

cache=${RDSLOCAL_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set RDSLOCAL_CACHE to a folder}/.cache}/rdspool}
cache=$(realpath -m -- "$cache")
mkdir -p "$(dirname "$root")" "$cache/debian" ||
  fail 1 "can't write below $cache: set RDSLOCAL_CACHE to a folder of yours"

exec 8>"$root.lock"
flock -n 8 || { say "waiting for another process that makes $root"; flock 8; }
whole && exit 0
# Left by callers that were killed: nobody else can be using them while the lock is ours.
rm -rf -- "$root".new.*

work=$root.new.$$.work
mkdir -p "$work"
trap 'rm -rf -- "$root.new.$$" "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The machine's own apt configuration stays in force (proxies, credentials, certificates), but for its hooks and folders.
state=$cache/debian/$suite
mkdir -p "$state"/{lists/partial,archives/partial,log}
mkdir "$work/none.d"
: >"$work/status"
cat >"$work/apt.conf" <<CONFIGURATION
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear APT::Default-Release;
Dir::State "$state";
Dir::State::lists "$state/lists/";
Dir::State::status "$work/status";
Dir::State::extended_states "$work/extended_states";
Dir::Cache "$state";
Dir::Cache::archives "$state/archives/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "$state/log";
Dir::Etc::preferences "$work/none";
Dir::Etc::preferencesparts "$work/none.d";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Immediate-Configure "false";
APT::Keep-Downloaded-Packages "true";
Debug::NoLocking "true";
pkgCacheGen::Essential "none";
Quiet "1";
CONFIGURATION
apt() { apt-get -c="$work/apt.conf" "$@" 2>"$work/errors"; }
complaints() { grep -E '^[EW]:' "$work/errors" | sort -u | head -6 >&2 || cat "$work/errors" >&2; }

# InRelease addresses as apt itself would fetch them: needs no lists, and understands every format of source.
configured() { apt --print-uris update -o Dir::State::lists="$work/lists/" | sed -nE "s#^'(.*)/dists/([^/ ']+)/(In)?Release'.*#\1 \2#p"; }
mirror() {
  if [ -n "${RDSLOCAL_DEBIAN_MIRROR:-}" ]; then printf '%s\n' "${RDSLOCAL_DEBIAN_MIRROR%/}"; return; fi
  mkdir -p "$work/lists/partial"
  local own=
  own=$(. /etc/os-release 2>/dev/null; [ "${ID:-}" != debian ] || printf '%s' "${VERSION_CODENAME:-sid}")
  # By its usual name; else, on Debian itself, whatever the machine's own release comes from (a company's mirror can be called anything).
  configured | awk -v own="$own" '$1 ~ /^cdrom:/ { next } $1 ~ /\/debian$/ { print $1; found = 1; exit }
    $2 == own && !other { other = $1 } END { if (!found && other) print other }'
}

if [ "$suite" != host ]; then
  uri=$(mirror || true)
  [ -n "$uri" ] || fail 3 "${packages[*]}: this machine's apt names no Debian mirror to take $suite from." \
    "Set RDSLOCAL_DEBIAN_MIRROR to the address of one (the folder above dists/)."
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] || keyring=/usr/share/keyrings/debian-archive-keyring.pgp
  [ -r "$keyring" ] || keyring=
  printf 'deb [target=Packages arch=%s%s] %s %s main\n' \
    "$(dpkg --print-architecture)" "${keyring:+ signed-by=$keyring}" "$uri" "$suite" >"$work/sources.list"
  printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' "$work/sources.list" "$work/none.d" >>"$work/apt.conf"
fi

exec 9>"$state.lock"
flock -n 9 || { say "waiting for another process that fetches from $suite"; flock 9; }

update() {
  say "fetching the package lists of $suite"
  rm -f "$state/updated"
  if ! apt update >/dev/null; then
    # A source of somebody else's that fails is no reason to stop if the Debian one answered.
    if [ "$suite" != host ] || ! ls "$state"/lists/*_Packages* >/dev/null 2>&1; then
      complaints
      fail 1 "the package lists of $suite can't be fetched (apt's reasons are above): check the network and apt's proxy settings, or" \
        "set RDSLOCAL_DEBIAN_MIRROR to a mirror that can be reached"
    fi
  fi
  # apt tells of a mirror that does not answer by a warning only.
  ls "$state"/lists/*_Packages* >/dev/null 2>&1 || {
    complaints
    fail 1 "the mirror gave no package lists of $suite (apt's reasons are above): check the network, apt's proxy settings and the suite's name"
  }
  printf '%s\n' "${uri:-host}" >"$state/updated"
}

# Prints "address file size" of each package wanted; the empty archive folder makes apt list those that were fetched before, too.
resolve() {
  mkdir -p "$work/empty/partial"
  apt install --print-uris -o Dir::Cache::archives="$work/empty/" "${packages[@]}" >"$work/answer" || return 1
  sed -nE "s#^'([^']+)' ([^ ]+\.deb) ([0-9]+).*#\1 \2 \3#p" "$work/answer" >"$work/list"
  [ -s "$work/list" ]
}
fetch() {
  say "fetching $(wc -l <"$work/list") packages, $(awk '{ s += $3 } END { printf "%.0f", s / 1e6 }' "$work/list") MB, for ${packages[*]} ($suite)"
  apt install --download-only "${packages[@]}" >/dev/null
}

fresh=
[ -f "$state/updated" ] && [ "$(cat "$state/updated")" = "${uri:-host}" ] || { update; fresh=yes; }
give_up() {
  complaints
  if grep -q 'Unable to locate package\|no installation candidate' "$work/errors"; then
    fail 1 "$suite has no such package (see above): check its name and that $suite carries it for $(dpkg --print-architecture)"
  fi
  fail 1 "${packages[*]} can't be fetched from $suite (apt's reasons are above): check the network and the free space of $state, then run it again"
}
if ! { resolve && fetch; }; then
  # Kept lists can name versions that the mirror no longer has, or not yet know the package: worth one new look.
  [ -z "$fresh" ] || give_up
  update
  { resolve && fetch; } || give_up
fi
flock -u 9

say "unpacking into $root"
new=$root.new.$$
mkdir -p "$new/usr"
# Before /usr was merged for good, packages still name /lib and /bin: both names must mean one folder.
for name in bin sbin lib lib32 lib64 libx32; do
  mkdir -p "$new/usr/$name"
  ln -s "usr/$name" "$new/$name"
done
while read -r address file _; do
  deb=$state/archives/$file
  case $address in file:*) deb=${address#file:} deb=${deb#//} ;; esac
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" --no-same-owner --keep-directory-symlink ||
    fail 1 "can't unpack $deb into $new: check the free space; if it is damaged, remove it and run this again"
done <"$work/list"
printf '%s' "$stamp" >"$new/.packages"
sync -f "$new/.packages" 2>/dev/null || true
if [ -e "$root" ]; then
  mv -T -- "$root" "$new.old"
  mv -T -- "$new" "$root"
  rm -rf -- "$new.old"
else
  mv -T -- "$new" "$root"
fi
