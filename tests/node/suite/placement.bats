#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# How a task gets into its place, and what it has when it is there.

load lib

drop_in=/run/systemd/system/hpcnode-cgroupd.service.d

# bats test_tags=bookworm
@test "a task starts in its leaf, with nothing of the daemon's" {
    run -0 hpcnode-ctl run --id clean --pipe --user alice --cwd / -- "$HELPERS/task-look"
    has cgroup=0::/workload.slice/workload-clean.scope/payload/main
    has "fds=0 1 2 " \
        SigBlk=0000000000000000 SigIgn=0000000000000000 NoNewPrivs=0 oom_score_adj=0
    # A container has a filter of its own.
    [ "$NODE_KIND" = container ] || has Seccomp=0
    [[ $output =~ nofile=1024:[0-9]+ ]]
}

# bats test_tags=trixie
@test "a task has what PID 1 gives its services, whatever the daemon was given" {
    local fields='rlimit|umask|nice|policy|priority|ioprio|personality|securebits|death_signal|Cpus_allowed|Sig|Cap|NoNewPrivs|oom_score_adj|fds|Seccomp'
    for user in root alice; do
        # But for capabilities that PID 1 hands down, as in a container: of ours none is inheritable.
        systemd-run --quiet --wait --pipe --collect -p "User=$user" -p IgnoreSIGPIPE=no "$HELPERS/task-look" |
            grep -E "^($fields)" | sed 's/^\(CapInh\)=.*/\1=0000000000000000/' >"$BATS_TEST_TMPDIR/$user"
        hpcnode-ctl run --pipe --user $user --cwd / -- "$HELPERS/task-look" | grep -E "^($fields)" |
            diff "$BATS_TEST_TMPDIR/$user" -
    done
    mkdir -p $drop_in
    # What operators do to daemons.
    cat >$drop_in/odd.conf <<END
[Service]
LimitNOFILE=300:$(ulimit -Hn)
LimitSTACK=1M:infinity
LimitNPROC=500:$(ulimit -Hu)
LimitMEMLOCK=64K:$(ulimit -Hl)K
UMask=0077
Nice=5
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
CPUAffinity=0
SecureBits=no-setuid-fixup
AmbientCapabilities=CAP_KILL
IgnoreSIGPIPE=yes
OOMScoreAdjust=-500
END
    # Root of a container may not raise them again.
    ! can_lower_oom_score || printf '%s\n' LimitNOFILE=300:400 LimitCORE=0 LimitMSGQUEUE=1000 >>$drop_in/odd.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
    for user in root alice; do
        hpcnode-ctl run --pipe --user $user --cwd / -- "$HELPERS/task-look" | grep -E "^($fields)" |
            diff "$BATS_TEST_TMPDIR/$user" - >"$BATS_TEST_TMPDIR/diff.$user" || :
    done
    rm $drop_in/odd.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
    cat "$BATS_TEST_TMPDIR"/diff.*
    [ ! -s "$BATS_TEST_TMPDIR/diff.root" ]
    [ ! -s "$BATS_TEST_TMPDIR/diff.alice" ]
}

@test "an unprivileged task cannot lower its oom_score_adj again" {
    run -0 hpcnode-ctl run --pipe --user alice --cwd / -- "$HELPERS/task-look"
    has oom_score_adj=0 lower_oom_score_adj=EACCES
}

# bats test_tags=bookworm
@test "the less a job matters, the sooner the OOM killer takes its tasks" {
    for job in 0:500 10:400 49:10 50:0 100:0; do
        run -0 hpcnode-ctl run --pipe --priority "${job%:*}" -- cat /proc/self/oom_score_adj
        [ "$output" = "${job#*:}" ]
    done
    hpcnode-ctl create --priority 20 low
    run -0 hpcnode-ctl run --scope low --pipe --user alice --cwd / -- "$HELPERS/task-look"
    has oom_score_adj=300 lower_oom_score_adj=EACCES
}

# bats test_tags=trixie
@test "each task has a session keyring of its own" {
    session() {
        hpcnode-ctl run --pipe "$@" -- "$HELPERS/task-look" | sed -n 's/^session=//p'
    }
    hpcnode-ctl create keys
    a=$(session)
    b=$(session --scope keys --id b)
    c=$(session --scope keys --id c)
    [ "$a" -gt 0 ] && [ "$b" -gt 0 ] && [ "$c" -gt 0 ]
    [ "$a" != "$b" ] && [ "$b" != "$c" ] && [ "$a" != "$c" ]
}

# bats test_tags=trixie
@test "a supervisor is in its own cgroup, and never killed for memory" {
    hpcnode-ctl run --id spared -- sleep infinity
    daemon_pid
    read -r pid <"$(dir spared)/supervisor/cgroup.procs"
    [ "$(readlink "/proc/$pid/exe")" = /usr/libexec/hpcnode-supervisor ]
    [ "$(cat "/proc/$pid/oom_score_adj")" = "$(cat "/proc/$DAEMON/oom_score_adj")" ]
    ! can_lower_oom_score || [ "$(cat "/proc/$pid/oom_score_adj")" = -1000 ]
}

@test "a supervisor holds its own cgroup, its sockets and nothing else" {
    hpcnode-ctl run --id closed -- sleep infinity
    read -r pid <"$(dir closed)/supervisor/cgroup.procs"
    readlink "/proc/$pid"/fd/* | grep -vE "^($(dir closed)|/dev/null$|anon_inode:|$STATE_DIR$)" >"$BATS_TEST_TMPDIR/fds"
    cat "$BATS_TEST_TMPDIR/fds"
    # Where it listens, the daemon, and the journal.
    run -1 grep -v ^socket: "$BATS_TEST_TMPDIR/fds"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/fds")" -le 3 ]
}

# The daemon, its supervisors and the tasks inherit the filter.
without_clone3() {
    local pid
    mkdir -p $drop_in
    printf '[Service]\nExecStart=\nExecStart=%s/seccomp-exec %s /usr/libexec/hpcnode-cgroupd\n' \
        "$HELPERS" "$1" >$drop_in/no-clone3.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
    remember
    run -6 hpcnode-ctl run --id forked --wait -- sh -c 'exit 6'
    run -0 hpcnode-ctl run --id looks --pipe --user alice --cwd / -- "$HELPERS/task-look"
    has cgroup=0::/workload.slice/workload-looks.scope/payload/main
    has "clone3=$1" Seccomp=2 \
        "fds=0 1 2 " SigBlk=0000000000000000 lower_oom_score_adj=EACCES
    run -1 hpcnode-ctl run --id missing -- /no/such/program
    run -0 hpcnode-ctl run --id stays -- "$HELPERS/ignore-signals" 2
    [ "$(wc -l <"$(dir stays)/payload/main/cgroup.procs")" -eq 3 ]
    [ "$(wc -l <"$(dir stays)/supervisor/cgroup.procs")" -eq 1 ]
    [ -z "$(cat "$(dir stays)/cgroup.procs")" ]
    for scope in forked looks stays; do
        hpcnode-ctl destroy $scope
        hpcnode-ctl remove $scope
    done
    nothing_left
}

teardown() {
    if [ -d $drop_in ]; then
        rm -r $drop_in
        systemctl daemon-reload
        systemctl restart hpcnode-cgroupd
    fi
    remove_all
}

# bats test_tags=native
@test "without clone3 (ENOSYS) tasks are placed all the same" {
    without_clone3 ENOSYS
}

# bats test_tags=native
@test "with clone3 refused by a filter (EPERM) tasks are placed all the same" {
    without_clone3 EPERM
}

# bats test_tags=native
@test "with a clone3 that knows no cgroups (E2BIG) tasks are placed all the same" {
    without_clone3 E2BIG
}
