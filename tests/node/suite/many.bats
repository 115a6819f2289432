#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Thousands of tasks in one scope.

# bats file_tags=native

load lib

setup_file() {
    systemctl start hpcnode-cgroupd
    # Sanitizers make everything several times as slow and as large.
    export TASKS=5000
    ! ldd /usr/libexec/hpcnode-cgroupd | grep -q libasan || TASKS=300
}

# figure NAME: of the "name value" lines that the last `run` printed.
figure() {
    # shellcheck disable=SC2154 # set by run
    sed -n "s/^$1 //p" <<<"$output"
}

say() {
    echo "# $*" >&3
}

# Of a process: what it accounts for, in KiB; how many descriptors it has.
pss() {
    sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$1/smaps_rollup"
}

# What is its own of that, and no program text that others may or may not have in use, too.
own() {
    sed -n 's/^Anonymous: *\([0-9]*\) kB/\1/p' "/proc/$1/smaps_rollup"
}

descriptors() {
    find "/proc/$1/fd" -type l | wc -l
}

# What there is in payload: nothing, or it goes.
leaves_gone() {
    local leaves

    mapfile -t leaves < <(compgen -G "$(dir "$1")/payload/t-*")
    [ ${#leaves[@]} -eq 0 ] || await gone "${leaves[@]}"
}

no_object() {
    run -0 busctl call "$BUS_NAME" "$BUS_PATH" org.freedesktop.DBus.ObjectManager GetManagedObjects
    [[ $output != *"/scope/"* ]]
}

msec_of() {
    local begun=${EPOCHREALTIME/./}
    "$@" || return
    MSEC=$(((${EPOCHREALTIME/./} - begun) / 1000))
}

# What the daemon has computed, in ms.
cpu_msec() {
    local nsec
    read -r nsec _ <"/proc/$DAEMON/schedstat"
    echo $((nsec / 1000000))
}

# meanwhile NAME COMMAND...: runs it, while another client asks the daemon for something again and again. Sets CPU_MSEC,
# and P99_USEC, which that client waited for an answer.
meanwhile() {
    local fd name=$1 pings=$BATS_TEST_TMPDIR/$1 before
    shift
    mkfifo "$pings.end"
    bus-tasks ping <"$pings.end" >"$pings" &
    exec {fd}>"$pings.end"
    before=$(cpu_msec)
    msec_of run -0 "$@"
    CPU_MSEC=$(($(cpu_msec) - before))
    exec {fd}>&-
    wait $!
    P99_USEC=$(sed -n 's/^ping_usec_p99 //p' "$pings")
    say "$name: $MSEC ms, of the daemon $CPU_MSEC; $(paste -sd' ' "$pings")"
}

@test "thousands of tasks in one scope are known, print to one stream, and disturb nobody" {
    remember
    create many
    supervisor=$(<"$(dir many)/supervisor/cgroup.procs")
    journald=$(systemctl show -P MainPID systemd-journald)
    daemon_pid
    at_first=$(pss "$DAEMON")
    small=$(pss "$supervisor") fds=$(descriptors "$supervisor") streams=$(descriptors "$journald")
    run -0 bus-tasks ping </dev/null
    say "before: $(paste -sd' ' <<<"$output")"
    meanwhile start bus-tasks start many "$TASKS"
    say "$(paste -sd' ' <<<"$output")"
    has "started $TASKS"

    # Whoever looks at all of them keeps the others waiting for less than a tenth of a second, on a machine that has
    # nothing else to do.
    meanwhile known bus-tasks known many "$TASKS"
    has "running $TASKS"
    [ "$CPU_MSEC" -lt 150 ]
    [ "$P99_USEC" -lt 500000 ]
    meanwhile inspect hpcnode-ctl inspect many
    [ "$(field pid_count "$output")" -eq "$TASKS" ]
    [ "$P99_USEC" -lt 500000 ]
    meanwhile list hpcnode-ctl list --no-legend
    [ "$(grep -c 'many/t-[0-9]* .*running' <<<"$output")" -eq "$TASKS" ]
    [ "$P99_USEC" -lt 500000 ]
    meanwhile tree hpcnode-ctl tree many
    [ "$(grep -c 't-[0-9]' <<<"$output")" -eq "$TASKS" ]
    [ "$P99_USEC" -lt 500000 ]
    run -0 hpcnode-ctl inspect "many/t-$TASKS"
    has "state: running"

    # Each line once, and the stream of the scope is the only one for all of them.
    diff <(seq "$TASKS") <(job_log many | sort -n)
    [ $(($(descriptors "$journald") - streams)) -le 8 ]
    systemd-run --quiet --wait --collect --unit other echo "said by another service"
    journalctl --sync
    run -0 journalctl -q -o cat -u other.service
    has "said by another service"

    # A supervisor needs memory for what it knows, and one descriptor: that of the stream.
    [ "$(descriptors "$supervisor")" -le $((fds + 1)) ]
    say "supervisor: $small KiB, with $TASKS tasks $(pss "$supervisor") KiB"
    say "daemon: $at_first KiB, with $TASKS tasks $(pss "$DAEMON") KiB"
    [ "$TASKS" -lt 5000 ] || [ "$(pss "$supervisor")" -le $((150 + TASKS / 2)) ]

    meanwhile destroy hpcnode-ctl destroy many
    hpcnode-ctl remove many
    no_object
    nothing_left
}

@test "one of thousands is frozen, thawed, killed and waited for by itself" {
    create many
    run -0 bus-tasks start many "$TASKS"
    hpcnode-ctl freeze many/t-2
    run -0 hpcnode-ctl inspect many/t-2
    has "state: frozen"
    run -0 hpcnode-ctl inspect many/t-3
    has "state: running"
    hpcnode-ctl thaw many/t-2
    run -0 hpcnode-ctl inspect many/t-2
    has "state: running"
    hpcnode-ctl kill many/t-2
    run hpcnode-ctl wait many/t-2
    has "state: killed" "signal: 9"
    run -0 hpcnode-ctl inspect many
    [ "$(field pid_count "$output")" -eq $((TASKS - 1)) ]
    # What is sent to all reaches each of the others.
    hpcnode-ctl kill --signal TERM many
    run hpcnode-ctl wait "many/t-$TASKS"
    has "exit: $((TASKS % 200))"
}

@test "thousands that start while the daemon is killed are all known, and so are their ends, all at once" {
    remember
    create many
    bus-tasks start many "$TASKS" >"$BATS_TEST_TMPDIR/start" &
    await file "$BATS_TEST_TMPDIR/start" "up_to_$((TASKS * 4 / 10))"
    crash
    wait $!
    grep -x "started $TASKS" "$BATS_TEST_TMPDIR/start"
    run -0 bus-tasks known many "$TASKS"
    has "running $TASKS"
    # And once more, while nothing happens.
    crash
    msec_of run -0 bus-tasks known many "$TASKS"
    has "running $TASKS"
    say "known_again_msec $MSEC"

    # SIGTERM, at which each ends with a status of its own.
    run -0 bus-tasks end many "$TASKS" 15
    say "$(paste -sd' ' <<<"$output")"
    has "ended $TASKS" "wrong 0" "waited 10"
    [ "$(call IsScopeEmpty s many && echo "$ANSWER")" = "b true" ]
    leaves_gone many

    # Some once more, under the same names.
    run -0 bus-tasks start many $((TASKS / 5))
    has "started $((TASKS / 5))"
    run -0 bus-tasks end many $((TASKS / 5)) 9
    has "ended $((TASKS / 5))" "wrong 0" "waited 10"
    hpcnode-ctl destroy many
    hpcnode-ctl remove many
    no_object
    nothing_left
}

# What the daemon and the supervisor hold is as much after each round as after the first.
@test "thousands that come and go, round after round, leave no memory taken" {
    local round tasks=$((TASKS * 2 / 5)) after=()

    needs_plain_build
    create many
    supervisor=$(<"$(dir many)/supervisor/cgroup.procs")
    daemon_pid
    for round in 1 2 3; do
        run -0 bus-tasks start many "$tasks"
        has "started $tasks"
        run -0 bus-tasks known many "$tasks"
        has "running $tasks"
        run -0 hpcnode-ctl inspect many
        say "round $round: daemon $(own "$DAEMON") KiB, supervisor $(own "$supervisor") KiB"
        run -0 bus-tasks end many "$tasks" 9
        has "ended $tasks" "wrong 0"
        leaves_gone many
        after+=("$(own "$DAEMON") $(own "$supervisor")")
        say "and when all have ended: ${after[-1]}"
    done
    [ $((${after[2]% *} - ${after[0]% *})) -lt 256 ]
    [ $((${after[2]#* } - ${after[0]#* })) -lt 32 ]
}

# PID 1 counts the jobs it has installed and the units it knows.
pid_1_counts() {
    systemctl show -P NInstalledJobs -P NNames
}

@test "PID 1 has nothing to do with the tasks of a live scope" {
    create many
    before=$(pid_1_counts) units=$(systemctl list-units --all --no-legend --plain)
    run -0 hpcnode-ctl run --scope many --id one -- sleep infinity
    run -0 bus-tasks start many 100
    has "started 100"
    [ "$(pid_1_counts)" = "$before" ]
    [ "$(systemctl list-units --all --no-legend --plain)" = "$units" ]
    hpcnode-ctl kill many/one
    run hpcnode-ctl wait many/one
    has "state: killed"
    [ "$(pid_1_counts)" = "$before" ]
    # They do count: a job is a unit.
    hpcnode-ctl run --id job -- sleep infinity
    [ "$(pid_1_counts)" != "$before" ]
}
