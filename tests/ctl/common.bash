# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of hpcnode-ctl share. meson sets CTL, FAKE_DAEMON, FREEZE_EACH and SOURCE_ROOT.

ctl() {
    "$CTL" "$@"
}

# No bus at all: what is refused here is refused without asking anyone.
no_bus() {
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
}

# eventually COMMAND...: within 20 s it succeeds.
eventually() {
    local end=$((SECONDS + 20))
    until "$@"; do
        ((SECONDS < end)) || { echo "never: $*"; return 1; }
        sleep 0.05
    done
}

# pid_gone PID: it has ended, whether or not anybody has taken note.
pid_gone() {
    [[ $(ps -o stat= -p "$1") != [^Z]* ]]
}

# start_bus DIRECTORY [DAEMON]: a bus of our own that starts DAEMON when it is called.
start_bus() {
    command -v dbus-daemon >/dev/null || skip "needs dbus-daemon"
    mkdir -p "$1/services"
    [ -z "${2:-}" ] || cat >"$1/services/org.hpcnode.Cgroup1.service" <<END
[D-BUS Service]
Name=org.hpcnode.Cgroup1
Exec=$2
END
    cat >"$1/bus.conf" <<END
<busconfig>
  <type>session</type>
  <listen>unix:path=$1/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>$1/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$1/bus
    dbus-daemon --config-file="$1/bus.conf" --fork --print-pid=3 3>"$1/bus.pid" >/dev/null
}

stop_bus() {
    [ ! -s "$1/bus.pid" ] || kill "$(cat "$1/bus.pid")"
}

# The long options that a help text lists, one a line, sorted.
options_of_help() {
    ctl "$@" --help | sed -n 's/^ \{2,6\}\(-., \)\?--\([a-z-]*\).*/\2/p' | sort
}

verbs_of_help() {
    ctl --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# complete_line WORDS...: COMPREPLY as if the last word were being completed.
complete_line() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMP_LINE="$*"
    COMP_POINT=${#COMP_LINE}
    COMPREPLY=()
    _hpcnode_ctl
}

# "MAJOR:MINOR PATH" of a disk of this machine; empty when there is none that can be named.
some_disk() {
    local device
    for device in /sys/block/*/device; do
        device=${device%/device}
        [ -b "/dev/${device##*/}" ] && echo "$(cat "$device/dev") /dev/${device##*/}" && return
    done
}
