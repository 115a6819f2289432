#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --service: started before the job's main task, in its scope, and ended with it.

# bats file_tags=native

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    SINCE=@$(date +%s)
    export SINCE
}

teardown() {
    unhang
    systemctl start hpcnode-cgroupd
    remove_all
}

# pids_of SCOPE/TASK: those in its leaf.
pids_of() {
    cat "$(dir "${1%/*}")/payload/${1#*/}/cgroup.procs"
}

@test "services are up before the main task, one after the other, each in a leaf of its own" {
    # shellcheck disable=SC2016 # of the job's shell
    run -0 hpcnode-ctl run --id job --pipe --service 'exec sleep infinity' --service 'exec sleep 1000000' -- sh -c '
        cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/.." || exit
        for leaf in service-1 service-2; do tr "\0" " " <"/proc/$(cat "$leaf/cgroup.procs")/cmdline"; done'
    # It may still be the shell that is to execute it.
    [[ $output == *"sleep infinity "*"sleep 1000000 " ]]
    run -0 hpcnode-ctl inspect job
    has "state: exited" "exit: 0" "service_count: 2" "pid_count: 0"
}

@test "a service is seen among the job's processes, and is a task that can be asked for" {
    run -0 hpcnode-ctl run --id job --service 'exec sleep infinity' -- sleep infinity
    main=$(field pid "$output")
    service=$(pids_of job/service-1)
    run -0 hpcnode-ctl inspect job
    has "pid: $main" "pid_count: 2" "service_count: 1"
    [ "$(field pids "$output" | xargs -n 1 | sort -n)" = "$(printf '%s\n' "$main" "$service" | sort -n)" ]
    run -0 hpcnode-ctl inspect job/service-1
    has "id: job/service-1" "state: running" "pid: $service"
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect job
    has "service_count: 1" "pid_count: 2"
    run -0 hpcnode-ctl inspect job/service-1
    has "state: running" "pid: $service"
}

@test "a service has the job's user, environment, directory and log, but not its standard input and output" {
    # The directories of bats are root's alone.
    files=$(mktemp -d)
    chown alice "$files"
    # shellcheck disable=SC2016 # of the shell of the service
    hpcnode-ctl run --id job --wait --user alice --cwd "$files" --env A=b --nice 5 --log "file:$files/log" \
        --service 'id -un; pwd; echo "$A"; nice; readlink /proc/self/fd/0; touch done' -- \
        sh -c 'while [ ! -e done ]; do read -r x </proc/self/mounts; done; echo main'
    [ "$(cat "$files/log")" = $'alice\n'"$files"$'\nb\n5\n/dev/null\nmain' ]
    rm -r "$files"
    mkfifo up
    run -0 hpcnode-ctl run --id piped --pipe --service 'echo from the service; echo >up; exec sleep infinity' -- \
        sh -c 'read -r x <up; echo main; cat' <<<"standard input"
    [ "$output" = $'main\nstandard input' ]
    [ "$(job_log piped)" = "from the service" ]
}

@test "a service that ends early is a task that has ended, and the job goes on" {
    mkfifo go
    hpcnode-ctl run --id job --service 'exit 3' --service 'exec sleep infinity' -- sh -c 'read -r x <go; exit 4'
    run -0 hpcnode-ctl wait job/service-1
    has "state: failed" "exit: 3"
    run -0 hpcnode-ctl inspect job
    has "state: running" "pid_count: 2"
    echo >go
    run -0 hpcnode-ctl wait job
    has "exit: 4" "pid_count: 0"
}

@test "all services may have ended before the main task is there" {
    for _ in {1..10}; do
        bus-wait TaskExited:service-1 -- hpcnode-ctl run --id job --service : -- sleep infinity >/dev/null
        run -0 hpcnode-ctl inspect job
        has "state: running" "pid_count: 1"
        hpcnode-ctl destroy job
        hpcnode-ctl remove job
    done
    call Run 'ssa{sv}asa{sv}' workload.slice armed 0 2 sleep infinity 2 ReleaseOnEmpty b true Services aas 1 1 true
    run -0 hpcnode-ctl inspect armed
    has "state: running"
}

@test "services die with the main task, also while the daemon is away, and ignore it in vain" {
    trap_term='trap "" TERM INT HUP; while :; do sleep 1000 & wait; done'
    for away in no yes; do
        run -0 hpcnode-ctl run --id job --service "$trap_term" --service 'exec sleep infinity' -- sleep infinity
        main=$(field pid "$output")
        mapfile -t services < <(pids_of job/service-1 && pids_of job/service-2)
        [ $away = no ] || systemctl stop hpcnode-cgroupd
        kill -KILL "$main"
        await exit "${services[@]}"
        systemctl start hpcnode-cgroupd
        run -0 hpcnode-ctl wait job
        has "state: killed" "signal: 9"
        hpcnode-ctl remove job
    done
    hpcnode-ctl run --id job --wait --service 'exec sleep infinity' -- true
    [ ! -e "$(dir job)" ]
}

@test "what cannot be started leaves nothing: neither a job, nor a service, nor a record" {
    hpcnode-ctl run --id before --wait -- true
    remember
    run -1 hpcnode-ctl run --id victim --service 'touch started; exec sleep infinity' -- /no/such/program
    [[ $output == "error: victim/main: cannot execute \"/no/such/program\""* ]]
    nothing_left
    refused ExecFailed Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 1 \
        Services aas 3 2 sleep infinity 1 /no/such/service 2 sleep infinity
    mentions victim/service-2 /no/such/service
    nothing_left
    [ -z "$(records victim)" ]
    run -1 hpcnode-ctl inspect victim
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 1 Services aas 2 1 true 0
    mentions Services "number 2"
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 1 Services as 1 true
    mentions Services
    hpcnode-ctl create host
    refused InvalidArgs Spawn 'ssasa{sv}' host task 1 true 1 Services aas 1 1 true
    mentions Services
}

@test "a job whose services do not come up in time is undone" {
    remember
    hpcnode-ctl run --id other -- sleep infinity
    # The directory of the first hangs, that of nobody else.
    hang /mnt/hung
    run -1 hpcnode-ctl run --id victim --cwd /mnt/hung/x --service 'exec sleep infinity' -- true
    [[ $output == *"victim/service-1: cannot change to the working directory"* ]]
    unhang
    await gone "$(dir victim)"
    hpcnode-ctl destroy other
    hpcnode-ctl remove other
}

@test "services count among a user's tasks, from the beginning" {
    conf=/run/hpcnode/cgroupd.conf.d/sidecars.conf
    mkdir -p "${conf%/*}"
    printf '%s\n' '[Limits]' TasksMax=3 >$conf
    systemctl reload hpcnode-cgroupd
    as lattice hpcnode-ctl run --id fits --cwd / --service 'exec sleep infinity' --service 'exec sleep infinity' -- sleep infinity
    run -1 as lattice hpcnode-ctl run --id more --cwd / -- true
    [[ $output == *"TasksMax=3 "* ]]
    as lattice hpcnode-ctl destroy fits
    run -1 as lattice hpcnode-ctl run --id four --cwd / --service : --service : --service : -- true
    [[ $output == *"TasksMax=3 "* ]]
    as lattice hpcnode-ctl run --id again --cwd / --wait --service : --service : -- true
    rm $conf
    systemctl reload hpcnode-cgroupd
}
