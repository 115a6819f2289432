#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=native
# hpcnode-ctl logs: what a job has written, all of it and nothing else.

load lib

journald_conf=/run/systemd/journald.conf.d/zz-logs.conf

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    chmod 755 .
}

journald_pid() {
    systemctl show -P MainPID systemd-journald
}

teardown() {
    kill -CONT "$(journald_pid)"
    remove_all
    [ -e $journald_conf ] || return 0
    rm $journald_conf
    systemctl restart systemd-journald
}

# follow ARGUMENT...: `logs --follow` in the background, as process $READER.
follow() {
    timeout 150 hpcnode-ctl logs --follow "$@" >out 2>err &
    READER=$!
}

# Of a reader that has to end by itself.
followed() {
    wait "$READER" || {
        cat err
        return 1
    }
}

@test "a name used again: the lines of this run, not of those before" {
    hpcnode-ctl run --id again --wait -- echo first
    hpcnode-ctl remove again
    hpcnode-ctl run --id again --wait -- sh -c 'echo second; echo third >&2'
    run -0 hpcnode-ctl logs -o cat again
    [ "$output" = $'second\nthird' ]
    hpcnode-ctl remove again
    mkfifo go
    hpcnode-ctl run --id again -- sh -c 'echo fourth; read x <go'
    await_journal fourth _SYSTEMD_UNIT=workload-again.scope
    run -0 hpcnode-ctl logs -o cat workload-again.scope
    [ "$output" = fourth ]
    echo >go
    hpcnode-ctl wait again
    run -0 hpcnode-ctl logs -o cat again
    [ "$output" = fourth ]
    hpcnode-ctl remove again
    run -1 hpcnode-ctl logs again
    [[ $output == "error: there is no scope or task \"again\""* ]]
    [ "$(job_log again)" = $'first\nsecond\nthird\nfourth' ]
}

@test "what journald reads of an earlier run after this one has begun is not this one's" {
    mkfifo go
    hpcnode-ctl run --id late -- sh -c 'echo early; read x <go; /bin/echo late; :'
    await_journal early _SYSTEMD_UNIT=workload-late.scope
    kill -STOP "$(journald_pid)"
    echo >go
    hpcnode-ctl wait late
    hpcnode-ctl remove late
    hpcnode-ctl run --id late -- sh -c 'echo new; read x <go'
    kill -CONT "$(journald_pid)"
    await_journal new _SYSTEMD_UNIT=workload-late.scope
    run -0 hpcnode-ctl logs -o cat late
    [ "$output" = new ]
    [ "$(job_log late | sort | paste -sd ' ')" = "early late new" ]
    echo >go
    hpcnode-ctl wait late
}

@test "of a task: its own lines, and those of children that lived when they were read" {
    mkfifo go
    hpcnode-ctl create shared
    hpcnode-ctl run --scope shared --id a -- sh -c 'echo from a; sh -c "echo child of a; read x <go"; :'
    await_journal "child of a" _SYSTEMD_UNIT=workload-shared.scope
    hpcnode-ctl run --scope shared --id b --wait -- echo from b
    run -0 hpcnode-ctl logs -o cat shared/a
    [ "$output" = $'from a\nchild of a' ]
    run -0 hpcnode-ctl logs -o cat shared/b
    [ "$output" = "from b" ]
    run -0 hpcnode-ctl logs -o cat shared
    [ "$(sort <<<"$output")" = $'child of a\nfrom a\nfrom b' ]
    follow -o cat shared/a
    echo >go
    followed
    [ "$(cat out)" = $'from a\nchild of a' ]
    run -0 hpcnode-ctl inspect shared # which goes on
    has "state: active"
}

@test "each line has its time, its task and its process; as JSON as well" {
    run -0 hpcnode-ctl run --id form -- sh -c 'echo "<3>bad"; printf "a\tb\033\377\n"'
    hpcnode-ctl wait form
    pid=$(field pid "$output")
    run -0 hpcnode-ctl logs form
    [[ ${lines[0]} =~ ^[A-Z][a-z]{2}\ [0-9]{2}\ [0-9:]{8}\ (main|form)\["$pid"\]:\ bad$ ]]
    hpcnode-ctl logs -o cat form | tail -n 1 | cmp - <(printf 'a\tb\033\377\n')
    run -0 script -qec "hpcnode-ctl logs form" /dev/null
    [[ $output == *": a"$'\t'"b\\x1b\\xff"* ]]
    run -0 hpcnode-ctl logs --json=short form
    [[ ${lines[0]} =~ ^\{\"ts_unix_ms\":[0-9]{13},\"pid\":$pid,(\"task\":\"main\",)?\"priority\":3,\"message\":\"bad\"\}$ ]]
    [[ ${lines[1]} == *',"priority":6,"message":[97,9,98,27,255]}' ]]
}

@test "the last lines, and those since some time" {
    mkfifo go
    hpcnode-ctl run --id timed -- sh -c 'seq 5; read x <go; seq 6 8'
    await_journal 5 _SYSTEMD_UNIT=workload-timed.scope
    run -0 hpcnode-ctl logs -o cat -n 2 timed
    [ "$output" = $'4\n5' ]
    since=@$(date +%s.%6N)
    run -0 hpcnode-ctl logs -o cat --since "$since" timed
    [ -z "$output" ]
    follow -o cat -n 1 timed
    await file out 5
    echo >go
    followed
    [ "$(paste -sd ' ' out)" = "5 6 7 8" ]
    run -0 hpcnode-ctl logs -o cat --since "$since" timed
    [ "$output" = $'6\n7\n8' ]
    run -0 hpcnode-ctl logs -o cat --since "$since" -n 2 timed
    [ "$output" = $'7\n8' ]
    run -0 hpcnode-ctl logs -o cat -n 100 timed
    [ "${#lines[@]}" -eq 8 ]
    run -0 hpcnode-ctl logs -n 0 timed
    [ -z "$output" ]
    run -0 hpcnode-ctl logs --since -1h timed
    [ "${#lines[@]}" -eq 8 ]
}

@test "--follow shows 10,000 lines in their order, from the first on, and ends with the job" {
    mkfifo go
    hpcnode-ctl run --id burst -- sh -c 'read x <go; exec seq 10000'
    follow -o cat burst
    echo >go
    followed
    echo "# lines: $(wc -l <out)" >&3
    diff <(seq 10000) out
    [ ! -s err ]
    follow -o cat burst # again, of the record
    followed
    diff <(seq 10000) out
}

@test "--follow goes on over deaths of the daemon, rotations of the journal and restarts of journald" {
    hpcnode-ctl run --id steady -- "$HELPERS/tick" 600 10
    follow -o cat steady
    await file out $'\n100\n'
    crash
    await file out $'\n200\n'
    journalctl --rotate
    await file out $'\n300\n'
    systemctl restart hpcnode-cgroupd
    journalctl --rotate
    await file out $'\n400\n'
    systemctl restart systemd-journald
    followed
    diff <(seq 600) out
}

@test "whoever ends a reader leaves nothing of it, and the job alone" {
    hpcnode-ctl run --id kept -- sh -c 'echo there; exec sleep infinity'
    command hpcnode-ctl logs --follow kept >out &
    READER=$!
    await file out there
    child=$(pgrep -P $READER)
    kill -INT "$child" || :
    kill $READER
    await exit "$child"
    run -0 hpcnode-ctl inspect kept
    has "state: running"
}

@test "what journald's rate limit has dropped is said, and how much it was" {
    mkdir -p ${journald_conf%/*}
    printf '[Journal]\nRateLimitIntervalSec=2s\nRateLimitBurst=1000\n' >$journald_conf
    systemctl restart systemd-journald
    # The limit's own interval has to pass; nothing tells of it.
    hpcnode-ctl run --id thinned --wait -- sh -c 'seq 9999; sleep 3; echo 10000'
    hpcnode-ctl logs -o cat thinned >out 2>err
    dropped=$(sed -n "s/^warning: here journald's rate limit has dropped \([0-9]*\) lines;.*/\1/p" err)
    echo "# lines: $(wc -l <out), dropped: $dropped" >&3
    [ "$dropped" -gt 0 ]
    [ $((dropped + $(wc -l <out))) -eq 10000 ]
    [ "$(tail -n 1 out)" = 10000 ]
    hpcnode-ctl logs --json=short thinned | grep -c "\"dropped\":$dropped}"
    # Not of another, nor of the next of that name.
    hpcnode-ctl run --id unthinned --wait -- echo all
    run -0 hpcnode-ctl logs -o cat unthinned
    [ "$output" = all ]
    hpcnode-ctl remove thinned
    hpcnode-ctl run --id thinned --wait -- echo all
    run -0 hpcnode-ctl logs -o cat thinned
    [ "$output" = all ]
}

@test "a job that ends while lines are dropped: that this may be so is said" {
    hpcnode-ctl run --id flood --wait -- seq 60000
    run -0 hpcnode-ctl logs -o cat flood
    echo "# lines: $((${#lines[@]} - 1))" >&3
    [[ ${lines[-1]} == "warning: the last lines are as many as journald's rate limit lets through at once"* ]]
    [ "${#lines[@]}" -lt 60000 ]
}

@test "a log file: its lines, the last ones, and what is appended until the job ends" {
    mkfifo go
    hpcnode-ctl run --id filed --log file:log -- sh -c 'seq 5; read x <go; seq 6 7; printf 8'
    await file log 5
    run -0 hpcnode-ctl logs filed
    [ "$output" = "$(seq 5)" ]
    run -0 hpcnode-ctl logs -n 2 filed
    [ "$output" = $'4\n5' ]
    run -0 hpcnode-ctl logs -n 0 filed
    [ -z "$output" ]
    follow -n 1 filed
    await file out 5
    mv log moved # it goes on writing to it
    echo >go
    followed
    [ "$(paste -sd ' ' out)" = "5 6 7 8" ]
    mv moved log
    hpcnode-ctl logs filed | cmp - log
    run -0 hpcnode-ctl logs -n 1 --json=short filed
    [ "$output" = '{"message":"8"}' ]
    run -1 hpcnode-ctl logs --since today filed
    [[ $output == "error: the output of filed is in $PWD/log, where no line has a time: --since"* ]]
}

each_log() {
    [ "$(hpcnode-ctl logs several/filed)" = "to the file" ]
    [ "$(hpcnode-ctl logs several/lasting)" = "to another" ]
    [ "$(hpcnode-ctl logs several/main)" = "of main" ]
    [ "$(hpcnode-ctl logs -o cat several/plain)" = plain ]
    [[ $(hpcnode-ctl logs several/silent 2>&1) == "error: several/silent has no log: it was started to have none"* ]]
    [[ $(hpcnode-ctl logs several/piped 2>&1) == "error: several/piped has no log: its output went to "* ]]
}

@test "each task of a scope has its own log, which is known over restarts of daemon and supervisor" {
    hpcnode-ctl create several
    hpcnode-ctl run --scope several --id main --log file:main.log -- sh -c 'echo of main; exec sleep infinity'
    hpcnode-ctl run --scope several --id filed --log file:log --wait -- echo to the file
    hpcnode-ctl run --scope several --id lasting --log file:log2 -- sh -c 'echo to another; exec sleep infinity'
    hpcnode-ctl run --scope several --id silent --log null --wait -- echo nothing
    hpcnode-ctl run --scope several --id piped --pipe -- echo something
    hpcnode-ctl run --scope several --id plain --wait -- echo plain
    each_log
    systemctl restart hpcnode-cgroupd
    each_log
    replace_supervisor several
    crash
    hpcnode-ctl ping
    each_log
    # What is main's is the scope's; another main, another log.
    run -0 hpcnode-ctl inspect several
    has "log: file:$PWD/main.log"
    hpcnode-ctl kill --signal KILL several/main
    hpcnode-ctl wait several/main
    hpcnode-ctl run --scope several --id main --wait -- echo of another main
    run -0 hpcnode-ctl logs -o cat several/main
    [ "$output" = "of another main" ]
    run -0 hpcnode-ctl inspect several
    has "log: journal"
}

@test "a log file that is truncated is read from its beginning again" {
    local go
    mkfifo go
    # Open all the while: who opens it anew is not to see the end of the line before.
    exec {go}<>go
    hpcnode-ctl run --id cut --log file:log -- sh -c 'echo long line; read x <go; echo new; read x <go'
    follow cut
    await file out "long line"
    : >log
    await file err truncated
    echo >&"$go"
    await file out new
    echo >&"$go"
    followed
    exec {go}>&-
    [ "$(cat out)" = $'long line\nnew' ]
}

@test "a log file is read with the rights of whoever asks, and only if it is a regular one" {
    mkdir -m 700 closed
    hpcnode-ctl run --id secret --log "file:$PWD/closed/log" --wait -- echo secret
    run -1 as alice hpcnode-ctl logs secret
    [[ $output == "error: cannot open the log $PWD/closed/log: Permission denied" ]]
    for other in "ln -s /etc/passwd" mkfifo mkdir; do
        rm -rf closed/log
        $other closed/log
        run -1 hpcnode-ctl logs secret
        [ "$output" = "error: the log $PWD/closed/log is not a regular file any more" ]
    done
    rm -r closed
    run -1 hpcnode-ctl logs secret
    [ "$output" = "error: cannot open the log $PWD/closed/log: No such file or directory" ]
}

@test "a job without a log has none, which is said" {
    hpcnode-ctl run --id silent --log null --wait -- echo nothing
    run -1 hpcnode-ctl logs silent
    [ "$output" = "error: silent has no log: it was started to have none (null)" ]
    run -0 hpcnode-ctl run --id piped --pipe -- echo something
    [ "$output" = something ]
    run -1 hpcnode-ctl logs piped
    [ "$output" = "error: piped has no log: its output went to whoever started it" ]
    run -1 hpcnode-ctl logs --follow no-such-job
    [[ $output == "error: there is no scope or task \"no-such-job\""* ]]
}

@test "whoever may not read the journal is told so, and members of its group may" {
    hpcnode-ctl run --id read --wait -- echo to be read
    run -1 as alice hpcnode-ctl logs read
    [ "$output" = "error: the output of read is in the system's journal, which root and the members of the groups systemd-journal and adm may read" ]
    run -0 runuser -u alice -G systemd-journal -- hpcnode-ctl logs -o cat read
    [ "$output" = "to be read" ]
    mkfifo -m 666 go
    hpcnode-ctl run --id more -- sh -c 'echo one; read x <go; echo two'
    timeout 150 runuser -u alice -G systemd-journal -- hpcnode-ctl logs -f -o cat more >out &
    READER=$!
    await file out one
    echo >go
    wait $READER
    [ "$(cat out)" = $'one\ntwo' ]
}
