#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl --host by a real ssh, to this node itself; what a stand-in for ssh shows is in remote.bats.
# bats file_tags=native

load lib

setup_file() {
    [ -x /usr/sbin/sshd ] || skip "this $NODE_KIND node has no sshd"
    systemctl start hpcnode-cgroupd
    id sshd >/dev/null 2>&1 || useradd --system --home-dir /run/sshd --no-create-home --shell /usr/sbin/nologin sshd
    # Without PAM nobody logs in whose password is locked.
    usermod -p '*' alice
    mkdir -p /run/sshd /root/.ssh
    export SSH_FILES=$BATS_FILE_TMPDIR
    for key in host user; do
        ssh-keygen -q -t ed25519 -N '' -f "$SSH_FILES/$key"
    done
    # sshd reads it as the user who logs in.
    install -m 0644 "$SSH_FILES/user.pub" /run/sshd/root
    install -m 0644 "$SSH_FILES/user.pub" /run/sshd/alice
    printf 'localhost %s\n' "$(cat "$SSH_FILES/host.pub")" >"$SSH_FILES/known"
    cat >"$SSH_FILES/sshd_config" <<END
ListenAddress 127.0.0.1
HostKey $SSH_FILES/host
AuthorizedKeysFile /run/sshd/%u
StrictModes no
UsePAM no
PidFile none
END
    # ssh looks in the home that the user's account has, whatever HOME is.
    cat >/root/.ssh/config <<END
BatchMode yes
AddressFamily inet
IdentityFile $SSH_FILES/user
UserKnownHostsFile $SSH_FILES/known
END
    # Started: it listens.
    systemd-run --quiet --collect --unit test-sshd -p Type=notify -p KillMode=mixed \
        /usr/sbin/sshd -D -f "$SSH_FILES/sshd_config"
}

teardown_file() {
    [ -x /usr/sbin/sshd ] || return 0
    systemctl stop test-sshd
    rm -r /root/.ssh
}

# lost SENTENCE HOST: the host cannot be reached, which ssh and the error say at once.
lost() {
    local verb since=$EPOCHREALTIME
    for verb in list "inspect job" "run --wait -- true"; do
        # shellcheck disable=SC2086 # words
        run -1 hpcnode-ctl -H "$2" $verb
        [[ $output == *"$1"* ]]
        [[ $output == *"error: cannot reach hpcnode-cgroupd of $2: "* ]]
    done
    ((${EPOCHREALTIME/./} - ${since/./} < 10000000))
}

@test "who has logged in is who asks" {
    run -0 hpcnode-ctl -H root@localhost whoami
    has "principal: admin" "uid: 0"
    run -0 hpcnode-ctl -H alice@localhost:22 whoami
    has "principal: other" "uid: 1000"
    run -1 hpcnode-ctl -H alice@localhost create refused
    [[ $output == "error: "* ]]
    [ ! -e "$(dir refused)" ]
}

@test "a job is run, listed, looked at and waited for, and begins in /" {
    cd /tmp
    run -3 hpcnode-ctl -H root@localhost run --id far --wait -- sh -c 'pwd; id -u; exit 3'
    run -0 job_log far
    [ "$output" = $'/\n0' ]
    run -0 hpcnode-ctl -H root@localhost wait far
    has "state: failed" "exit: 3"
    run -0 hpcnode-ctl -H root@localhost inspect far
    has "state: failed"
    run -0 hpcnode-ctl -H root@localhost list --no-legend
    [[ $output == "far "* ]]
    hpcnode-ctl -H root@localhost remove far
    [ "$(hpcnode-ctl list --no-legend)" = "" ]
}

# start_far: a job that ends with what is written to $go, or with 9 by SIGTERM, waited for by $pid, a group of its own.
start_far() {
    mkfifo "$BATS_TEST_TMPDIR/go"
    setsid hpcnode-ctl -H root@localhost run --id job --wait -- \
        sh -c "trap 'exit 9' TERM; read -r n <$BATS_TEST_TMPDIR/go; exit \$n" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    # The job has its end of it open, then, and its start has been answered: that is not asked for twice.
    exec {go}>"$BATS_TEST_TMPDIR/go"
    await file "$BATS_TEST_TMPDIR/out" "id: job"
}

ends_by() {
    status=0
    await exit "$pid" || kill -KILL -- "-$pid"
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq "$1" ]
}

@test "a wait goes on when its connection breaks" {
    start_far
    pkill -f '^sshd.*: root@notty'
    echo 6 >&"$go"
    ends_by 6
}

@test "^C, which ends ssh as well, reaches the job" {
    start_far
    kill -TERM -- "-$pid"
    ends_by 9
}

@test "what needs this host is refused before anything is done" {
    remember
    run -2 hpcnode-ctl -H root@localhost run --pipe -- true
    [[ $output == "error: option --pipe does not go with --host: "* ]]
    nothing_left
}

@test "a host that cannot be reached is told of at once" {
    lost "Connection refused" root@localhost:1
    lost "Network is unreachable" root@192.0.2.1
    lost "Could not resolve hostname" root@no-such-host.invalid
    lost "Host key verification failed" root@127.0.0.1
    lost "Permission denied" nobody@localhost
}
