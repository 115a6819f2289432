#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Callers that mean harm: what they name is not looked at, what they write stays one value.

load lib

trap=/mnt/trap

setup() {
    cd /
    hang $trap
}

teardown() {
    unhang
    remove_all
}

# Nobody has looked at what lies in the trap.
trap_is_closed() {
    run -1 grep hangs "$BATS_TEST_TMPDIR/hangs"
}

as_lattice() {
    runuser -u lattice -- busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" "$@"
}

# What is no slice, no scope, no cgroup, and leads elsewhere if it is taken for a path.
tricks() {
    printf '%s\n' .. . / // '' ../.. ../../mnt/trap/x /mnt/trap/x mnt/trap/x workload.slice/../../../mnt/trap/x \
        /sys/fs/cgroup/../../../mnt/trap/x workload.slice/./x 'workload.slice/ ' workload.slice//x/../y \
        /proc/self/root/mnt/trap/x /proc/self/cwd /proc/self/fd/3 /proc/1/root /dev/fd/3 \
        /sys/fs/cgroup/workload.slice/../../../../mnt/trap/x 'workload.slice\x2f..\x2fx' %2e%2e/x \
        ';id' '*' '~root' "$(printf 'a%.0s' {1..4096})" "workload.slice/$(printf 'b%.0s' {1..4000})" \
        "/org/hpcnode/Cgroup1/scope/_2e_2e_2fx" /org/hpcnode/Cgroup1/scope/x/task/_2e_2e
}

# refused_call METHOD...: with an answer, and not by its absence.
refused_call() {
    if output=$(as_lattice "$@" 2>&1); then
        echo "not refused: $*"
        return 1
    fi
    [[ $output == *"Call failed: "* && $output != *"timed out"* && $output != *disconnected* ]] || {
        echo "$*: $output"
        return 1
    }
}

# Some hundred calls: too many for an emulated node.
# bats test_tags=native
@test "no path trick reaches the file system, in whatever argument" {
    hpcnode-ctl create seen
    remember
    while IFS= read -r trick; do
        refused_call CreateScope 'ssa{sv}' "$trick" x 0
        refused_call CreateScope 'ssa{sv}' workload.slice "$trick" 0
        refused_call Run 'ssa{sv}asa{sv}' "$trick" x 0 1 /bin/true 0
        refused_call Spawn 'ssasa{sv}' seen "$trick" 1 /bin/true 0
        refused_call Spawn 'ssasa{sv}' "$trick" x 1 /bin/true 0
        for method in FreezeScope ThawScope DestroyScope RemoveScope WaitScope IsScopeEmpty GetScope; do
            refused_call $method s "$trick"
        done
        refused_call KillScope si "$trick" 9
        refused_call SetScopeLimits 'sa{sv}' "$trick" 0
        refused_call OpenScope ss seen "$trick"
        refused_call OpenScope ss "$trick" x
        refused_call AttachProcesses ssau seen "$trick" 1 $$
        refused_call AttachProcesses ssau "$trick" x 1 $$
        # The root, however it is spelled, is a cgroup.
        [[ -z ${trick//\//} ]] || refused_call ReadMetrics s "$trick"
        as_lattice SliceOwner s "$trick" >/dev/null 2>&1 || true # which looks at the words alone
    done < <(tricks)
    for path in $trap/x /proc/self/root/mnt/trap/x /mnt/../mnt/trap/x /dev/../mnt/trap/x; do
        refused_call CreateScope 'ssa{sv}' workload.slice x 1 DeviceAllow 'a(ss)' 1 "$path" rw
        refused_call CreateScope 'ssa{sv}' workload.slice x 1 IOReadBandwidthMax 'a(st)' 1 "$path" 1000000
    done
    for option in "WorkingDirectory s trap/x" "WorkingDirectory s ../x" "Log s file:trap/x" "Log s $trap/x" \
        "Log s file:../x" "Log s journal:x"; do
        # shellcheck disable=SC2086 # words of a call
        refused_call Run 'ssa{sv}asa{sv}' workload.slice x 0 1 /bin/true 1 $option
    done
    trap_is_closed
    nothing_left
    hpcnode-ctl ping
}

# bats test_tags=trixie
@test "what a caller writes stays one value of one line, in records and answers" {
    forged=$'x"\nEVENT schema=hpcnode.v1 ts_unix_ms=1 type=cgroup.destroy scope=forged \'type=forged\n\e[2J'
    log=$BATS_TEST_TMPDIR/$forged
    # Slashes would be directories.
    log=${log//hpcnode.v1/v1}
    since=@$(date +%s)
    run -0 hpcnode-ctl run --id honest --log "file:$log" --wait -- true
    journalctl --sync
    hpcnode-ctl events --since "$since" honest >"$BATS_TEST_TMPDIR/lines"
    run -1 grep -v '^EVENT schema=hpcnode.v1 ts_unix_ms=[0-9]* type=[a-z.]* scope=honest ' \
        "$BATS_TEST_TMPDIR/lines"
    run -1 grep -P '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/lines"
    [ -z "$(journalctl -q --since "$since" HPCNODE_SCOPE=forged + HPCNODE_TYPE=forged)" ]
    [ "$(hpcnode-ctl inspect honest | grep -c '^log: ')" -eq 1 ]
    run -1 grep -E '^(EVENT|type)' <<<"$(hpcnode-ctl inspect honest)"
    # A line of systemctl status is a line.
    run -1 as_lattice CreateScope 'ssa{sv}' workload.slice x 1 Description s $'one\nExecStart=/bin/evil'
    run -1 as_lattice CreateScope 'ssa{sv}' workload.slice x 1 Description s $'one\e[2Jtwo'
    run -1 as_lattice Run 'ssa{sv}asa{sv}' workload.slice x 0 1 true 1 Description s $'one\e[2Jtwo'
    run -1 as_lattice Run 'ssa{sv}asa{sv}' workload.slice x 0 1 true 1 Description s $'one\u202etwo'
}
