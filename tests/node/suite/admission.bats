#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What pressure does not let begin. The figures are those of files put in the place of the kernel's, but for two tests.
# bats file_tags=native

load lib

conf=/etc/hpcnode/cgroupd.conf.d/zz-admission.conf

setup_file() {
    systemctl start hpcnode-cgroupd
    # The agent of alice's own daemon.
    systemctl reset-failed systemd-logind
    systemctl restart systemd-logind
}

setup() {
    # What the kernel says where PSI is off is an error.
    cat "$CGROUPS"/workload.slice/memory.pressure >/dev/null 2>&1 || skip "this kernel has no PSI, or it is off (psi=0)"
    cd /
    # shellcheck disable=SC2034 # of records
    SINCE=@$(date +%s.%6N)
}

teardown() {
    local file
    for file in "$CGROUPS"/{,workload.slice/}*.pressure /proc/pressure/*; do
        ! grep -q " $file " /proc/self/mounts || umount "$file"
    done
    rm -f $conf /usr/lib/hpcnode/cgroupd.conf.d/zz-admission.conf
    systemctl reload hpcnode-cgroupd
    remove_all
}

# configure KEY=VALUE... Nothing but admission: a trigger would be written to the file that is there for the kernel's.
configure() {
    mkdir -p ${conf%/*}
    printf '%s\n' '[Pressure]' DemoteCPUSome=off FreezeMemorySome=off FreezeIOFull=off KillMemoryFull=off "$@" >$conf
    systemctl reload hpcnode-cgroupd
}

# figures PLACE RESOURCE SOME FULL: from now on these are the avg10 of the node or workload.slice; FULL "-": without that line.
figures() {
    local file=$CGROUPS/$2.pressure fake=$BATS_TEST_TMPDIR/$1-$2
    case $1 in
    workload.slice) file=$CGROUPS/workload.slice/$2.pressure ;;
    *) [ -e "$file" ] || file=/proc/pressure/$2 ;;
    esac
    echo "some avg10=$3 avg60=2.34 avg300=0.00 total=567" >"$fake"
    [ "$4" = - ] || echo "full avg10=$4 avg60=1.23 avg300=0.00 total=456" >>"$fake"
    grep -q " $file " /proc/self/mounts || mount --bind "$fake" "$file"
}

# no_pressure: nowhere, of nothing.
no_pressure() {
    local place resource
    for place in node workload.slice; do
        for resource in memory cpu io; do
            figures $place $resource 0.00 0.00
        done
    done
}

# admitted, rejected: a scope that is wanted now.
admitted() {
    hpcnode-ctl create probe
    hpcnode-ctl destroy probe
}

rejected() {
    refused AdmissionRejected CreateScope 'ssa{sv}' workload.slice probe 0
}

@test "with thresholds at 0 all that would begin is rejected with the kernel's figure, and nothing is left of it" {
    hpcnode-ctl create alloc
    configure AdmitMemorySome=0
    remember
    for args in "CreateScope ssa{sv} workload.slice late 0" \
        "CreateScope ssa{sv} workload.slice/sub late 0" \
        "Run ssa{sv}asa{sv} workload.slice late 0 1 true 0" \
        "Spawn ssasa{sv} alloc late 1 true 0" \
        "OpenScope ss alloc late"; do
        # shellcheck disable=SC2086 # the words of the call
        refused AdmissionRejected $args
        [[ $ERROR_MESSAGE =~ ^workload-.*\.scope:\ not\ admitted,\ since\ avg10\ of\ memory\ some\ of\ the\ node\ is\ [0-9]+\.[0-9]{2}\ %,\  ]]
        mentions ", and nothing is admitted from 0.00 % on (AdmitMemorySome=); try again when it is lower, or with --force"
    done
    nothing_left
    run -1 hpcnode-ctl inspect late
    [ "$(records | grep -c ' type=pressure ')" -eq 5 ]
    [ "$(records | grep -vc ' type=pressure ')" -eq 1 ] # cgroup.create of alloc
    [ "$(records workload-late.scope | wc -l)" -eq 2 ]
    [ "$(records workload-sub-late.scope | wc -l)" -eq 1 ]
    [ "$(records workload-alloc.scope | grep -c ' type=pressure ')" -eq 2 ]
}

@test "run, create and run --scope end with 1 and the sentence" {
    hpcnode-ctl create alloc
    configure AdmitIOSome=0
    for args in "run --id late -- true" "create late" "run --scope alloc --id late -- true"; do
        # shellcheck disable=SC2086 # the words of the command
        run -1 hpcnode-ctl $args
        [[ $output == "error: workload-"*".scope: not admitted, since avg10 of io some of the node is "*" %, and nothing is admitted from 0.00 % on (AdmitIOSome=); "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
}

@test "each rejection is one record and one signal, with the figures" {
    no_pressure
    figures node cpu 95.01 0.00
    configure AdmitCPUSome=95
    # What comes after it shows that there is no other.
    run -0 bus-wait ScopeCreated:after -- sh -c 'hpcnode-ctl run --id late -- true; hpcnode-ctl create --force after'
    [ "$(grep -c '^PressureAction ' <<<"$output")" -eq 1 ]
    line=$(grep '^PressureAction ' <<<"$output")
    sentence="avg10 of cpu some of the node is 95.01 %, and nothing is admitted from 95.00 % on (AdmitCPUSome=)"
    [[ $line == "PressureAction reject cpu some workload-late.scope Place=node DryRun=0 Reason=$sentence SomeAvg10=9501 SomeAvg60=234 SomeTotalUSec=567 FullAvg10=0 FullAvg60=123 FullTotalUSec=456 Threshold=9500" ]]
    record pressure
    says unit=workload-late.scope "reason=\"$sentence\"" act=reject resource=cpu kind=some place=node \
        some_avg10=9501 some_avg60=234 some_total_usec=567 full_avg10=0 full_avg60=123 full_total_usec=456 \
        threshold=9500 dry_run=0 caller_uid=0 caller_pid= '!scope' '!cgroup' '!candidates' '!priority'
    journalctl -q -o cat MESSAGE_ID=ec873fb769204401bbc0d17a6d45b3b6 | grep -qxF "workload-late.scope: pressure, rejected: $sentence"
    run -0 journalctl -q -x MESSAGE_ID=ec873fb769204401bbc0d17a6d45b3b6
    [[ $output == *"Pressure on cpu of node: reject workload-late.scope"* ]]
}

@test "hpcnode-ctl pressure shows the figures, and with --follow a rejection as it happens" {
    no_pressure
    figures node cpu 95.01 0.00
    configure AdmitCPUSome=95
    run -0 hpcnode-ctl pressure
    [ "${lines[0]}" = "policy: on" ]
    has "reject_from: cpu_some=95.00" "demote_from: off" "freeze_from: off" "kill_from: off"
    grep -Eqx 'node +cpu +95\.01 +2\.34 +0\.000s +0\.00 +1\.23 +0\.000s' <<<"$output"
    hpcnode-ctl pressure --follow --since "$SINCE" "*late*" >"$BATS_TEST_TMPDIR/follow" 3>&- &
    run -1 hpcnode-ctl run --id other -- true
    run -1 hpcnode-ctl run --id late -- true
    await file "$BATS_TEST_TMPDIR/follow" "workload-late.scope"
    kill $!
    [[ $(<"$BATS_TEST_TMPDIR/follow") =~ ^[-0-9]{10}\ [:0-9]{8}\ reject\ \ cpu\ \ \ \ workload-late.scope:\ avg10\ of\ cpu\ some\ of\ the\ node\ is\ 95.01\ %,\ .*$ ]]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/follow")" -eq 1 ]
    hpcnode-ctl --json=short pressure --follow --since "$SINCE" >"$BATS_TEST_TMPDIR/json" 3>&- &
    await file "$BATS_TEST_TMPDIR/json" '"unit":"workload-late.scope"'
    kill $!
    [ "$(wc -l <"$BATS_TEST_TMPDIR/json")" -eq 2 ]
    grep -q '^{.*"unit":"workload-other.scope",.*"act":"reject",.*"some_avg10":9501,.*"threshold":9500,.*}$' "$BATS_TEST_TMPDIR/json"
}

@test "each threshold is one of its resource and kind, is met from it on, and can be off" {
    local resource kind key args
    for resource in Memory CPU IO; do
        for kind in Some Full; do
            no_pressure
            key=Admit$resource$kind
            args=(50.00 0.00)
            [ $kind = Some ] || args=(0.00 50.00)
            figures node "${resource,,}" "${args[@]}"
            configure $key=50.01
            admitted
            configure $key=50
            rejected
            mentions "of ${resource,,} ${kind,,} of the node is 50.00 %" "($key=)"
            configure $key=off
            admitted
        done
    done
}

@test "the pressure of workload.slice counts as that of the node, and a line that the kernel has not is none" {
    no_pressure
    figures workload.slice memory 79.99 16.50
    figures node cpu 1.00 -
    configure AdmitMemorySome=80 AdmitMemoryFull=15 AdmitCPUFull=1
    rejected
    mentions "avg10 of memory full of workload.slice is 16.50 %, and nothing is admitted from 15.00 % on (AdmitMemoryFull=)"
    record pressure
    says place=workload.slice full_avg10=1650 threshold=1500
    figures workload.slice memory 79.99 14.99
    admitted
}

@test "what is no file of pressure is no pressure" {
    no_pressure
    for file in node-{memory,cpu,io} workload.slice-{memory,cpu,io}; do
        echo nonsense >"$BATS_TEST_TMPDIR/$file"
    done
    configure Admit{Memory,CPU,IO}{Some,Full}=0
    admitted
}

@test "where the kernel knows of no pressure that is said at the start, and all is admitted" {
    no_pressure
    for file in node-{memory,cpu,io} workload.slice-{memory,cpu,io}; do
        : >"$BATS_TEST_TMPDIR/$file"
    done
    configure Admit{Memory,CPU,IO}{Some,Full}=0
    cursor=$(log_cursor)
    systemctl restart hpcnode-cgroupd
    await_log "the kernel has no pressure stall information" "$cursor"
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Pressure)" = 's "unavailable"' ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" PressureThresholds)" = 'a(ssst) 0' ]
    admitted
}

@test "--force is for root and the owner, and whom polkit admits is refused it" {
    rules=/etc/polkit-1/rules.d/10-hpcnode-test.rules
    cat >$rules <<'END'
polkit.addRule(function(action, subject) {
    if (action.id == "org.hpcnode.cgroup1.run" && subject.user == "alice")
        return polkit.Result.YES;
});
END
    chmod 0644 $rules
    systemctl reset-failed polkit 2>/dev/null || :
    systemctl restart polkit
    hers=$(CALLER=alice call CreateScope 'ssa{sv}' workload.slice hers 0 && echo made)
    forced=$(as alice hpcnode-ctl create --force no 2>&1) || :
    configure AdmitCPUSome=0
    plain=$(as alice hpcnode-ctl run --id no -- true 2>&1) || :
    run=$(as alice hpcnode-ctl run --force --id no -- true 2>&1) || :
    task=$(as alice hpcnode-ctl run --force --scope hers --id no -- true 2>&1) || :
    rm $rules
    systemctl restart polkit
    [ "$hers" = made ]
    [[ $forced == *"error: workload-no.scope: uid 1000 (other) may not use --force (Force): only root and the owner of workload.slice may" ]]
    [ "$run" = "$forced" ]
    [[ $task == "error: workload-hers.scope: uid 1000 (other) may not use --force"* ]]
    [[ $plain == *"; try again when it is lower" ]] # not what it may not do
    run -1 hpcnode-ctl inspect no
    record pressure # of the plain one

    as lattice hpcnode-ctl create --force alloc
    as lattice hpcnode-ctl run --force --scope alloc --id rank --wait -- true
    as lattice hpcnode-ctl run --force --id job --wait -- true
    hpcnode-ctl run --force --id roots --wait -- true
    record pressure
    CALLER=lattice refused InvalidArgs CreateScope 'ssa{sv}' workload.slice x 1 Force s yes
    mentions Force
    CALLER=lattice refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice x 0 1 true 1 Force t 1
    mentions Force
    hpcnode-ctl drain --no-wait
    run -1 hpcnode-ctl run --force --id late -- true
    hpcnode-ctl drain --cancel
    [[ $output == *"the node is being drained"* ]]
}

@test "pact's services, and processes that run already, are always admitted" {
    hpcnode-ctl create alloc
    configure Admit{Memory,CPU,IO}{Some,Full}=0
    as pact hpcnode-ctl create --slice pact.slice service
    as pact hpcnode-ctl run --scope service --id task -- true
    as pact hpcnode-ctl run --slice pact-gpu.slice --id gpu --wait -- true
    sleep infinity 3>&- &
    status=0
    hpcnode-ctl attach alloc/guest $! || status=$?
    kill $!
    [ "$status" -eq 0 ]
    run ! grep ' type=pressure ' <<<"$(records)"
}

@test "what is refused anyway is not rejected for pressure" {
    hpcnode-ctl create taken
    hpcnode-ctl run --scope taken --id busy -- sleep infinity
    configure AdmitMemorySome=0
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice taken 0
    refused AlreadyExists Run 'ssa{sv}asa{sv}' workload.slice taken 0 1 true 0
    refused AlreadyExists Spawn 'ssasa{sv}' taken busy 1 true 0
    refused AlreadyExists OpenScope ss taken busy
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice late 1 CPUWeight t 0 1 true 0
    refused IO Run 'ssa{sv}asa{sv}' workload.slice late 0 1 true 1 RequirePaths as 1 /none/at/all
    CALLER=pact refused PermissionDenied CreateScope 'ssa{sv}' workload.slice late 0
    run ! grep ' type=pressure ' <<<"$(records)"
}

@test "a rejection leaves the record of an earlier scope of that name where it is" {
    hpcnode-ctl create again
    hpcnode-ctl destroy again
    configure AdmitMemorySome=0
    refused AdmissionRejected CreateScope 'ssa{sv}' workload.slice again 0
    hpcnode-ctl inspect again
    hpcnode-ctl create --force again
}

@test "with DryRun it is announced, and admitted" {
    configure AdmitMemorySome=0 DryRun=yes
    run -0 bus-wait PressureAction:workload-late.scope ScopeReleased:late -- hpcnode-ctl run --id late --wait -- true
    [[ $output == *"PressureAction reject memory some workload-late.scope Place=node DryRun=1 "*"DryRun=yes, so nothing is done"* ]]
    record pressure workload-late.scope
    says act=reject dry_run=1
}

@test "with Enabled=no all is admitted, and nothing said" {
    configure AdmitMemorySome=0 Enabled=no
    hpcnode-ctl run --id late --wait -- true
    run ! grep ' type=pressure ' <<<"$(records)"
}

@test "a user's own daemon rejects by its own configuration, and its user may use --force" {
    printf '%s\n' '[Pressure]' AdmitMemorySome=0 >/usr/lib/hpcnode/cgroupd.conf.d/zz-admission.conf
    loginctl enable-linger alice
    systemctl start user@1000.service
    as_alice() {
        runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
    }
    run -1 as_alice hpcnode-ctl --user create mine
    sentence=$output
    run -0 as_alice hpcnode-ctl --user run --force --id mine --wait -- true
    loginctl disable-linger alice
    systemctl stop user@1000.service
    [[ $sentence == "error: workload-mine.scope: not admitted, since avg10 of memory some of the node is "*" (AdmitMemorySome=); "*"--force"* ]]
}
