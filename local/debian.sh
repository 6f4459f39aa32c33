#!/usr/bin/env bash
# Unpacks Debian packages and their dependencies into a folder. It installs nothing and needs no root permissions.
#
# usage:   local/debian.sh SUITE ROOT PACKAGE...
# example: local/debian.sh sid ~/.cache/rdspool/mysql mysql-server-core
#
# SUITE is a Debian suite (sid, trixie, ...), or `host` for the apt sources of this machine. sid:arm64 is sid for another architecture.
# ROOT is either complete or absent. A repeated call returns at once, and concurrent calls wait for each other.
# The mirror is that of this machine's apt configuration; RDSLOCAL_DEBIAN_MIRROR=URI names another one.
# Downloaded lists and packages are kept below ${RDSLOCAL_CACHE:-~/.cache/rdspool}/debian.
# Exit status: 0 ready, 1 failed, 2 wrong usage, 3 not possible on this machine (no apt, no known Debian mirror). Errors and progress: stderr.
set -euo pipefail
umask 022
export LC_ALL=C

say() { printf 'debian.sh: %s\n' "$*" >&2; }
fail() { local status=$1; shift; say "$@"; exit "$status"; }

[ $# -ge 3 ] || fail 2 "usage: debian.sh SUITE ROOT PACKAGE..."
suite=$1 root=$(realpath -m -- "$2"); shift 2
mapfile -t packages < <(printf '%s\n' "$@" | sort -u)
[[ $suite =~ ^[a-z0-9][a-z0-9.-]*(:[a-z0-9]+)?$ ]] || fail 2 "not the name of a Debian suite: $suite (use host, sid, trixie, sid:arm64, ...)"
for package in "${packages[@]}"; do
  [[ $package =~ ^[a-z0-9][a-z0-9.+-]+$ ]] || fail 2 "not the name of a Debian package: $package"
done

stamp="$suite ${packages[*]}"
whole() { [ -f "$root/.packages" ] && [ "$(cat "$root/.packages")" = "$stamp" ]; }
whole && exit 0

for tool in apt-get dpkg dpkg-deb flock tar; do
  command -v "$tool" >/dev/null || fail 3 "${packages[*]} can't be downloaded: $tool is missing, so this is not a Debian-like machine." \
    "Run on Debian or Ubuntu (or in a container of it)."
done
if [ -e "$root" ] && [ ! -f "$root/.packages" ]; then
  fail 2 "$root exists but debian.sh did not create it: name another folder, or remove it"
fi

architecture=$(dpkg --print-architecture)
release=${suite%:*}
[ "$release" = "$suite" ] || architecture=${suite#*:}

cache=${RDSLOCAL_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set RDSLOCAL_CACHE to a folder}/.cache}/rdspool}
cache=$(realpath -m -- "$cache")
mkdir -p "$(dirname "$root")" "$cache/debian" ||
  fail 1 "can't write below $cache: set RDSLOCAL_CACHE to a folder that you can write"

exec 8>"$root.lock"
flock -n 8 || { say "waiting for another process that creates $root"; flock 8; }
whole && exit 0
# Left by killed processes. Nobody uses them while this process has the lock.
rm -rf -- "$root".new.*

work=$root.new.$$.work
mkdir -p "$work"
trap 'rm -rf -- "$root.new.$$" "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The machine's apt configuration applies (proxies, credentials, certificates), except its hooks and folders.
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
APT::Architecture "$architecture";
#clear APT::Architectures;
APT::Architectures { "$architecture"; };
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

# Prints the URLs and suites of the configured sources. apt prints the InRelease URLs without lists, for every format of sources.
configured() { apt --print-uris update -o Dir::State::lists="$work/lists/" | sed -nE "s#^'(.*)/dists/([^/ ']+)/(In)?Release'.*#\1 \2#p"; }
mirror() {
  if [ -n "${RDSLOCAL_DEBIAN_MIRROR:-}" ]; then printf '%s\n' "${RDSLOCAL_DEBIAN_MIRROR%/}"; return; fi
  mkdir -p "$work/lists/partial"
  local own=
  own=$(. /etc/os-release 2>/dev/null; [ "${ID:-}" != debian ] || printf '%s' "${VERSION_CODENAME:-sid}")
  # The first URL that ends in /debian. Otherwise, on Debian, the source of the machine's own release (a company's mirror can have any name).
  configured | awk -v own="$own" '$1 ~ /^cdrom:/ { next } $1 ~ /\/debian$/ { print $1; found = 1; exit }
    $2 == own && !other { other = $1 } END { if (!found && other) print other }'
}

if [ "$suite" != host ]; then
  uri=$(mirror || true)
  [ -n "$uri" ] || fail 3 "${packages[*]}: this machine's apt configuration has no Debian mirror for $suite." \
    "Set RDSLOCAL_DEBIAN_MIRROR to the URL of a mirror (the parent of dists/)."
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] || keyring=/usr/share/keyrings/debian-archive-keyring.pgp
  [ -r "$keyring" ] || keyring=
  printf 'deb [target=Packages arch=%s%s] %s %s main\n' \
    "$architecture" "${keyring:+ signed-by=$keyring}" "$uri" "$release" >"$work/sources.list"
  printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' "$work/sources.list" "$work/none.d" >>"$work/apt.conf"
fi

exec 9>"$state.lock"
flock -n 9 || { say "waiting for another process that downloads from $suite"; flock 9; }

update() {
  say "downloading the package lists of $suite"
  rm -f "$state/updated"
  if ! apt update >/dev/null; then
    # A failure of another source does not matter if the Debian source has answered.
    if [ "$suite" != host ] || ! ls "$state"/lists/*_Packages* >/dev/null 2>&1; then
      complaints
      fail 1 "the package lists of $suite can't be downloaded (apt's reasons are above): check the network and apt's proxy settings, or" \
        "set RDSLOCAL_DEBIAN_MIRROR to a mirror that can be reached"
    fi
  fi
  # If a mirror does not answer, apt only prints a warning.
  ls "$state"/lists/*_Packages* >/dev/null 2>&1 || {
    complaints
    fail 1 "the mirror gave no package lists of $suite (apt's reasons are above): check the network, apt's proxy settings and the suite's name"
  }
  printf '%s\n' "${uri:-host}" >"$state/updated"
}

# Writes "URL file size" of each needed package to a list. With an empty archive folder, apt also lists packages that were downloaded before.
resolve() {
  mkdir -p "$work/empty/partial"
  apt install --print-uris -o Dir::Cache::archives="$work/empty/" "${packages[@]}" >"$work/answer" || return 1
  sed -nE "s#^'([^']+)' ([^ ]+\.deb) ([0-9]+).*#\1 \2 \3#p" "$work/answer" >"$work/list"
  [ -s "$work/list" ]
}
fetch() {
  say "downloading $(wc -l <"$work/list") packages, $(awk '{ s += $3 } END { printf "%.0f", s / 1e6 }' "$work/list") MB, for ${packages[*]} ($suite)"
  apt install --download-only "${packages[@]}" >/dev/null
}

fresh=
[ -f "$state/updated" ] && [ "$(cat "$state/updated")" = "${uri:-host}" ] || { update; fresh=yes; }
give_up() {
  complaints
  if grep -q 'Unable to locate package\|no installation candidate' "$work/errors"; then
    fail 1 "$suite has no such package (see above): check its name and that $release has it for $architecture"
  fi
  fail 1 "${packages[*]} can't be downloaded from $suite (apt's reasons are above): check the network and the free space of $state, then run it again"
}
if ! { resolve && fetch; }; then
  # Cached lists can be outdated, so try once more with new lists.
  [ -z "$fresh" ] || give_up
  update
  { resolve && fetch; } || give_up
fi
flock -u 9

say "unpacking into $root"
new=$root.new.$$
mkdir -p "$new/usr"
# Some packages still contain /lib and /bin instead of /usr/lib and /usr/bin, so both names must mean the same folder.
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
