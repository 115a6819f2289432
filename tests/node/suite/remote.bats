#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl --host and --machine, with the daemon.
# bats file_tags=native

load lib

setup_file() {
    systemctl start hpcnode-cgroupd
    # Other files have restarted the bus under it, oftener than PID 1 starts it again by itself.
    systemctl reset-failed systemd-logind
    systemctl restart systemd-logind
    loginctl enable-linger alice
    systemctl start user@1000.service
    # A host where one is logged in as USER of [USER@]HOST, or as root: this one.
    mkdir "$BATS_FILE_TMPDIR/bin"
    cat >"$BATS_FILE_TMPDIR/bin/ssh" <<'END'
#!/bin/sh
while [ "$1" != -- ]; do shift; done
case $2 in *@*) user=${2%@*} ;; *) user=root ;; esac
shift 2
cd / && exec runuser -u "$user" -- "$@"
END
    chmod -R a+rx "$BATS_FILE_TMPDIR/bin"
    PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

teardown_file() {
    loginctl disable-linger alice
    systemctl stop user@1000.service
}

@test "on another host the caller is who has logged in there" {
    run -0 hpcnode-ctl -H node7 whoami
    has "principal: admin" "uid: 0"
    run -0 hpcnode-ctl whoami --host alice@node7
    has "principal: other" "uid: 1000"
    run -1 hpcnode-ctl -H alice@node7 create refused
    [[ $output == "error: "* ]]
    [ ! -e "$(dir refused)" ]
}

@test "a job on another host begins in /, and is handled as one here" {
    cd /tmp
    run -3 hpcnode-ctl -H node7 run --id far --wait -- sh -c 'pwd >/tmp/far; exit 3'
    [ "$(cat /tmp/far)" = / ]
    run -0 hpcnode-ctl -H node7 wait far
    has "state: failed" "exit: 3"
    hpcnode-ctl -H node7 remove far
    run -0 hpcnode-ctl -H node7 create far
    hpcnode-ctl -H node7 run --scope far --id t -- sleep infinity
    run -0 hpcnode-ctl -H node7 list --no-legend
    [[ $output == "far "* ]]
    hpcnode-ctl -H node7 freeze far/t
    run -0 hpcnode-ctl inspect far/t
    has "state: frozen"
    hpcnode-ctl destroy -H node7 far
    [ ! -e "$(dir far)" ]
}

@test "what a limit names is looked for on the other host, by its daemon" {
    run -1 hpcnode-ctl -H node7 run --id no --cpuset-cpus 4000 -- true
    [[ $output == *"this machine has no cpu 4000"* ]]
    run -1 hpcnode-ctl -M .host run --id no --device /dev/not-here -- true
    [[ $output == *"/dev/not-here"*"there is no such device node"* ]]
}

@test "a wait on another host outlives daemon and connection" {
    hpcnode-ctl create far
    mkfifo "$BATS_TEST_TMPDIR/go"
    timeout 100 hpcnode-ctl -H node7 run --id job --wait -- sh -c "read -r n <$BATS_TEST_TMPDIR/go; exit \$n" \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    # The job has its end of it open, then.
    exec {go}>"$BATS_TEST_TMPDIR/go"
    await file "$BATS_TEST_TMPDIR/out" pid: # the answer has come, too
    crash
    systemctl restart hpcnode-cgroupd
    pkill -f '^systemd-stdio-bridge'
    echo 6 >&"$go"
    status=0
    wait $! || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq 6 ]
}

@test "this host is a machine, too, and a user's own daemon is asked there" {
    run -0 hpcnode-ctl -M .host whoami
    has "principal: admin"
    run -0 hpcnode-ctl whoami -M alice@.host
    has "principal: other" "uid: 1000"
    run -0 hpcnode-ctl -M alice@.host --user whoami
    has "principal: workload" "uid: 1000"
    run -4 hpcnode-ctl --user run -M alice@.host --id far --wait -- sh -c 'id -un >/tmp/far-alice; pwd >>/tmp/far-alice; exit 4'
    [ "$(paste -sd ' ' /tmp/far-alice)" = "alice /" ]
    run -0 hpcnode-ctl --user -M alice@.host inspect far
    [[ $output == *"/user@1000.service/workload.slice/workload-far.scope"* ]]
    hpcnode-ctl --user -M alice@.host remove far
}

@test "what needs this host is refused before anything is done" {
    remember
    for place in --host=node7 --machine=.host; do
        run -2 hpcnode-ctl "$place" run --pipe -- true
        [[ $output == "error: option --pipe does not go with ${place%=*}: "* ]]
        run -2 hpcnode-ctl events "$place"
        [[ $output == "error: events does not go with ${place%=*}: "* ]]
    done
    nothing_left
}
