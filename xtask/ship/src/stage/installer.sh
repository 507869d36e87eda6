#!/bin/sh
# Downloads a program for this machine, compares its sha256 with the release's list, and installs it only if they agree.
# Where that cannot be done, nothing is installed.
#
#   --to DIR        where the programs go (default: ~/.local/bin)
#   --from ADDRESS  another place with the same files, such as a mirror
#   --target TRIPLE another target than the one this machine is taken for
#   --signed        refuse where the list's signature cannot be verified

set -eu

package=@PACKAGE@
version=@VERSION@
download=@DOWNLOAD@
targets=@TARGETS@
programs=@PROGRAMS@
key=@KEY@

refuse() {
    echo "error: $1" >&2
    [ $# -lt 2 ] || echo "  next: $2" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

fetch() {
    if has curl; then
        curl --fail --silent --show-error --location --retry 3 --output "$2" "$1" || return 1
    elif has wget; then
        wget --quiet --output-document="$2" "$1" || return 1
    else
        refuse "there is neither curl nor wget to download with" "install one of them"
    fi
}

sha256() {
    if has sha256sum; then
        sha256sum "$1" | cut -d ' ' -f 1
    elif has shasum; then
        shasum -a 256 "$1" | cut -d ' ' -f 1
    elif has openssl; then
        openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
    else
        refuse "there is no sha256sum, shasum or openssl to check the download with" "install one of them"
    fi
}

# The targets that fit this machine, the best first.
fitting() {
    machine=$(uname -m)
    case "$machine" in
        amd64) machine=x86_64 ;;
        arm64) machine=aarch64 ;;
        armv7l) machine=armv7 ;;
        i386 | i486 | i586) machine=i686 ;;
        ppc64le) machine=powerpc64le ;;
        riscv64) machine=riscv64gc ;;
    esac
    case "$(uname -s)" in
        Linux)
            if has ldd && ldd --version 2>&1 | grep -qi musl; then
                echo "$machine-unknown-linux-musl $machine-unknown-linux-musleabihf"
            else
                echo "$machine-unknown-linux-gnu $machine-unknown-linux-gnueabihf" \
                    "$machine-unknown-linux-musl $machine-unknown-linux-musleabihf"
            fi
            ;;
        Darwin) echo "$machine-apple-darwin" ;;
        FreeBSD) echo "$machine-unknown-freebsd" ;;
        NetBSD) echo "$machine-unknown-netbsd" ;;
        *) echo "" ;;
    esac
}

chosen() {
    for wanted in $(fitting); do
        for target in $targets; do
            if [ "$wanted" = "$target" ]; then
                echo "$target"
                return
            fi
        done
    done
    refuse "$package $version is not built for $(uname -s) on $(uname -m)" \
        "choose one of these with --target: $targets"
}

verify_signature() {
    if [ -z "$key" ]; then
        [ "$1" = no ] || refuse "this release is not signed"
    elif has minisign; then
        fetch "$download/SHA256SUMS.minisig" "$room/SHA256SUMS.minisig" ||
            refuse "the signature of the list cannot be downloaded"
        minisign -Vq -P "$key" -m "$room/SHA256SUMS" ||
            refuse "the signature of the list does not hold: nothing is installed"
    else
        [ "$1" = no ] || refuse "there is no minisign to verify the signature with" "install minisign"
        echo "note: the signature is not verified, because minisign is not installed" >&2
    fi
}

main() {
    to=${HOME:-.}/.local/bin
    target=
    signed=no
    while [ $# -gt 0 ]; do
        case "$1" in
            --signed) signed=yes ;;
            --to | --from | --target)
                [ $# -gt 1 ] || refuse "$1 needs a value"
                case "$1" in
                    --to) to=$2 ;;
                    --from) download=${2%/} ;;
                    --target) target=$2 ;;
                esac
                shift
                ;;
            *) refuse "unknown option $1" "use --to DIR, --from ADDRESS, --target TRIPLE or --signed" ;;
        esac
        shift
    done
    has tar || refuse "there is no tar to unpack with" "install it"
    [ -n "$target" ] || target=$(chosen)
    archive=$package-$version-$target.tar.gz

    room=$(mktemp -d)
    trap 'rm -rf "$room"' EXIT
    trap 'exit 130' INT TERM
    # Asked before anything is downloaded: where nothing can be checked, nothing is tried.
    sha256 /dev/null >/dev/null
    fetch "$download/SHA256SUMS" "$room/SHA256SUMS" || refuse "$download/SHA256SUMS cannot be downloaded"
    verify_signature "$signed"
    wanted=$(awk -v name="$archive" '$2 == name { print $1 }' "$room/SHA256SUMS")
    [ ${#wanted} -eq 64 ] || refuse "the list of checksums has no line for $archive: nothing is installed"
    fetch "$download/$archive" "$room/$archive" || refuse "$download/$archive cannot be downloaded"
    actual=$(sha256 "$room/$archive")
    [ "$actual" = "$wanted" ] ||
        refuse "$archive has sha256 $actual, and the list says $wanted: nothing is installed"

    tar -xzf "$room/$archive" -C "$room"
    mkdir -p "$to"
    for program in $programs; do
        from=$room/${archive%.tar.gz}/$program
        [ -f "$from" ] || continue
        # Renamed into its place, so that a program that runs is not changed under way.
        cp "$from" "$to/.$program.$$"
        chmod 755 "$to/.$program.$$"
        mv -f "$to/.$program.$$" "$to/$program"
        echo "installed $to/$program"
    done
}

# At the end, so that a script that was cut off on its way does nothing.
main "$@"
