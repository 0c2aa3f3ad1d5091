# Sourced by scripts/prove-*: a bare Debian 12 in a folder, reached like this machine reaches its network, with a fresh clone.
#   PROOF_BASE    a folder to keep the bare system in for next time (debootstrap takes a minute)
#   PROOF_MIRROR  the Debian mirror, where the usual one is not reached
#   PIP_*, *_proxy and the certificates of this machine are handed in; nothing else is.

# in_namespaces WHICH SCRIPT ARGS: again as root, with mounts (and processes, as WHICH says) of its own, which are gone when it
# ends, however it ends.
in_namespaces() {
    [ "$(id -u)" -eq 0 ] || { echo "This needs root: it builds a system in a folder and enters it." >&2; exit 2; }
    [ "${PROOF_INSIDE:-}" = 1 ] && return
    scripts/need-debian debootstrap=/usr/sbin/debootstrap git=/usr/bin/git
    local which=$1
    shift
    # shellcheck disable=SC2086 # several options
    PROOF_INSIDE=1 exec unshare $which --propagation private -- "$@"
}

# bare_system CLONE_TO: sets $root (the system) and $inside (the environment for commands in it).
bare_system() {
    scratch=$(mktemp -d -t sverka-proof.XXXXXX)
    root=$scratch/system
    trap 'umount -R "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$scratch"' EXIT

    local base=${PROOF_BASE:-$scratch/base}
    if [ ! -e "$base/.complete" ]; then
        echo "== making a bare Debian 12 with python3 and make"
        debootstrap --variant=minbase --include=python3,make bookworm "$base" ${PROOF_MIRROR:+"$PROOF_MIRROR"} >"$scratch/log" 2>&1 ||
            { tail -n 20 "$scratch/log" >&2; exit 1; }
        touch "$base/.complete"
    fi
    cp -a "$base" "$root"

    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump Acquire >"$root/etc/apt/apt.conf.d/99proof" 2>/dev/null || true
    inside=(HOME=/tmp PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 CI="${CI:-true}")
    local name value
    while IFS='=' read -r name value; do
        case $name in
            PIP_FIND_LINKS | PIP_CERT | PIP_CONFIG_FILE) ;;
            PIP_* | *_proxy | *_PROXY) inside+=("$name=$value") ;;
        esac
    done < <(env)
    if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
        cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/proof-ca.crt"
        inside+=({PIP_CERT,SSL_CERT_FILE,REQUESTS_CA_BUNDLE}=/etc/proof-ca.crt)
    fi

    git clone -q "file://$PWD" "$root$1"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    echo "== $(. "$root/etc/os-release" && echo "$PRETTY_NAME"), $(chroot "$root" python3 -V)," \
        "$(chroot "$root" dpkg-query -f '.' -W | wc -c) packages; commit $(git rev-parse --short HEAD)"
}

# step FOLDER COMMAND: runs it inside, says how long it took; stops the proof where it fails.
step() {
    echo "== $2"
    local began=$SECONDS
    env -i "${inside[@]}" chroot "$root" /bin/bash -euo pipefail -c "cd $1 && $2" </dev/null ||
        { echo "== FAILED after $((SECONDS - began)) s: $2" >&2; exit 1; }
    echo "== ok after $((SECONDS - began)) s: $2"
}
