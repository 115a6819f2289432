#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who is neither root nor an agent is admitted by polkit, and then to its own scopes alone.

# bats file_tags=native

load lib

RULES=/etc/polkit-1/rules.d/10-hpcnode-test.rules

setup_file() {
    systemctl start hpcnode-cgroupd
    # Other files have restarted the bus under it, and without sessions polkit asks nobody for a password.
    systemctl reset-failed systemd-logind
    systemctl restart systemd-logind
    id bob >/dev/null 2>&1 || useradd --uid 1001 --user-group --create-home bob
    usermod --append --groups video,audio alice
}

teardown() {
    [ -z "${POLKIT_PID:-}" ] || end_stand_in
    systemctl unmask --runtime --quiet polkit
    [ ! -e "$RULES" ] || rm "$RULES"
    systemctl kill --signal CONT polkit 2>/dev/null || :
    restart_polkit
    remove_all
}

# More often than PID 1 lets a unit be started.
restart_polkit() {
    systemctl reset-failed polkit 2>/dev/null || :
    systemctl restart polkit
}

# as USER COMMAND...: without a session, so that its pid is the command's.
as() {
    local user=$1
    shift
    cd /
    setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"
}

# What lib.bash calls the daemon with: as $CALLER, if that is set.
busctl() {
    if [ -n "${CALLER:-}" ]; then
        as "$CALLER" busctl "$@"
    else
        command busctl "$@"
    fi
}

# admit USER...: by a rule.
admit() {
    cat >"$RULES" <<END
polkit.addRule(function(action, subject) {
    if (action.id == "org.hpcnode.cgroup1.run" && "$*".split(" ").indexOf(subject.user) >= 0 &&
        action.lookup("slice") == "workload.slice")
        return polkit.Result.YES;
});
END
    chmod 0644 "$RULES"
    restart_polkit
}

# ---- a polkit of our own ---------------------------------------------------------------------

stand_in() {
    systemctl stop polkit
    coproc POLKIT { exec runuser -u polkitd -- "$HELPERS/bus-polkit" 3>&-; }
    says ready
}

end_stand_in() {
    local pid=$POLKIT_PID
    eval "exec ${POLKIT[1]}>&-"
    wait "$pid" || :
}

# says PATTERN: what the stand-in says next.
says() {
    local line
    read -r -t 90 -u "${POLKIT[0]}" line || {
        echo "polkit says nothing, instead of $1"
        return 1
    }
    # shellcheck disable=SC2053 # a pattern
    [[ $line == $1 ]] || {
        echo "polkit says: $line"
        return 1
    }
}

# answer [newest] WORD: to the oldest question, else.
answer() {
    echo "$*" >&"${POLKIT[1]}"
}

# in_background USER METHOD...: a call that allows to ask a person. Its pid is in CLIENT, what it prints in FILE.
in_background() {
    local user=$1
    shift
    FILE=$(mktemp -p "$BATS_TEST_TMPDIR")
    setpriv --reuid "$user" --regid "$user" --init-groups -- busctl call --timeout 100 -- \
        "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" "$@" >"$FILE" 2>&1 3>&- &
    CLIENT=$!
}

# fails PID: a child of ours does.
fails() {
    if wait "$1"; then
        echo "it succeeds"
        return 1
    fi
}

# ---- the real one ----------------------------------------------------------------------------

@test "where no polkit runs nobody else may change anything, and is told why" {
    remember
    systemctl stop polkit
    systemctl mask --runtime --quiet polkit
    CALLER=alice refused PermissionDenied CreateScope 'ssa{sv}' workload.slice mine 0
    mentions "uid 1000" "workload.slice" "polkit" "does not run"
    nothing_left
}

@test "without a rule polkit admits nobody, and the error names the action" {
    remember
    CALLER=alice refused PermissionDenied Run 'ssa{sv}asa{sv}' workload.slice mine 0 1 true 0
    mentions "uid 1000" "needs authentication" org.hpcnode.cgroup1.run "no polkit agent" "polkit rule"
    run -1 as alice hpcnode-ctl run --id mine -- true
    [[ $output == "error: "*"needs authentication"*"org.hpcnode.cgroup1.run"*"does not allow to ask"* ]]
    nothing_left
}

@test "who is admitted by a rule has jobs of its own" {
    admit alice
    as alice hpcnode-ctl run --id mine -- sleep infinity
    as alice hpcnode-ctl run --scope mine --id other -- sleep infinity
    as alice hpcnode-ctl freeze mine
    [ "$(property mine State)" = 's "frozen"' ]
    as alice hpcnode-ctl thaw mine
    as alice hpcnode-ctl kill --signal TERM mine/other
    as alice hpcnode-ctl wait mine/other | grep -qx "signal: 15"
    as alice hpcnode-ctl kill mine
    as alice hpcnode-ctl wait mine | grep -qx "signal: 9"
    as alice hpcnode-ctl remove mine
    as alice hpcnode-ctl create mine
    as alice hpcnode-ctl destroy mine
}

@test "a rule is shown what is to be done, and where" {
    admit alice
    CALLER=alice refused PermissionDenied CreateScope 'ssa{sv}' workload.slice/batch mine 0
    mentions "needs authentication" 'workload-batch.slice'
}

@test "two whom polkit admits cannot touch each other's scopes, nor root's, nor pact's" {
    admit alice bob
    as alice hpcnode-ctl run --id hers -- sleep infinity
    as bob hpcnode-ctl run --id his -- sleep infinity
    hpcnode-ctl run --id roots -- sleep infinity
    hpcnode-ctl run --id pacts --slice pact.slice -- sleep infinity
    remember
    for pair in "alice his" "bob hers" "alice roots" "bob pacts"; do
        read -r CALLER scope <<<"$pair"
        refused PermissionDenied Spawn 'ssasa{sv}' "$scope" more 1 true 0
        refused PermissionDenied FreezeScope s "$scope"
        refused PermissionDenied ThawScope s "$scope"
        refused PermissionDenied KillScope si "$scope" 9
        refused PermissionDenied KillScope si "$scope/main" 15
        refused PermissionDenied SetScopeLimits 'sa{sv}' "$scope" 1 CPUWeight t 1
        refused PermissionDenied DestroyScope s "$scope"
        refused PermissionDenied RemoveScope s "$scope"
    done
    refused PermissionDenied CreateScope 'ssa{sv}' pact.slice mine 0
    CALLER=
    nothing_left
    hpcnode-ctl destroy roots
    CALLER=alice refused PermissionDenied RemoveScope s roots
}

@test "whom polkit admits takes no name that another's record has" {
    admit alice bob
    hpcnode-ctl create past
    hpcnode-ctl destroy past
    as bob hpcnode-ctl create his
    as bob hpcnode-ctl destroy his
    for name in past his; do
        CALLER=alice refused AlreadyExists CreateScope 'ssa{sv}' workload.slice $name 0
        CALLER=alice refused AlreadyExists Run 'ssa{sv}asa{sv}' workload.slice $name 0 1 true 0
        hpcnode-ctl inspect $name >/dev/null
    done
    as bob hpcnode-ctl create his
    hpcnode-ctl create past
}

@test "whom polkit admits attaches what runs in a session or a scope of its own, and nothing else" {
    admit alice bob
    as alice hpcnode-ctl create hers
    as bob hpcnode-ctl run --id his -- sleep infinity
    hpcnode-ctl run --id pacts --slice pact.slice --user alice --cwd / -- sleep infinity
    hpcnode-ctl run --id roots --user alice --cwd / -- sleep infinity
    for where in user-1000.slice:home system.slice:service user-1001.slice:guest; do
        systemd-run --quiet --uid=alice --slice="${where%:*}" --unit="${where#*:}" sleep infinity
    done
    remember
    for pid in "$(systemctl show -P MainPID service)" "$(systemctl show -P MainPID guest)" \
        "$(field pid "$(hpcnode-ctl inspect his)")" "$(field pid "$(hpcnode-ctl inspect pacts)")" \
        "$(field pid "$(hpcnode-ctl inspect roots)")" "$(systemctl show -P MainPID hpcnode-cgroupd)" 1; do
        run -1 as alice hpcnode-ctl attach hers/taken "$pid"
        [[ $output == *"process $pid "* ]] || { echo "$output"; false; }
    done
    nothing_left
    pid=$(systemctl show -P MainPID home)
    as alice hpcnode-ctl attach hers/taken "$pid"
    grep -qx "0::/workload.slice/workload-hers.scope/payload/taken" "/proc/$pid/cgroup"
    systemctl stop service guest
}

@test "a task of whom polkit admits has that one's user, group and groups" {
    admit alice
    as alice hpcnode-ctl run --id mine --wait --log null -- true
    as alice hpcnode-ctl run --id ids --pipe -- sh -c 'id -u; id -g; id -G | tr " " "\n" | sort' >"$BATS_TEST_TMPDIR/task"
    as alice sh -c 'id -u; id -g; id -G | tr " " "\n" | sort' | diff - "$BATS_TEST_TMPDIR/task"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/task")" -ge 5 ]
    run -1 as alice hpcnode-ctl run --id roots --user root -- true
    run -1 as alice hpcnode-ctl run --id others --user bob -- true
}

@test "a polkit that stands still delays nobody but whom it is asked for, and those not for long" {
    admit alice
    hpcnode-ctl run --id roots -- sleep infinity
    remember
    systemctl kill --signal STOP polkit
    begun=$SECONDS
    as alice hpcnode-ctl run --id mine -- true >"$BATS_TEST_TMPDIR/answer" 2>&1 3>&- &
    client=$!
    # The ones after it, and meanwhile.
    hpcnode-ctl run --id more -- sleep infinity
    as bob hpcnode-ctl list | grep -q workload-more.scope
    CALLER=bob refused PermissionDenied KillScope si more 9
    hpcnode-ctl destroy more
    hpcnode-ctl remove more
    kill -0 $client
    fails $client
    ((SECONDS - begun <= 24))
    cat "$BATS_TEST_TMPDIR/answer"
    grep "error: .*polkit has not answered within 10 s .*org.hpcnode.cgroup1.run" "$BATS_TEST_TMPDIR/answer"
    systemctl kill --signal CONT polkit
    nothing_left
    as alice hpcnode-ctl run --id mine -- true
}

@test "a person at a terminal is asked for the administrator's password" {
    echo root:secret | chpasswd
    mkfifo "$BATS_TEST_TMPDIR/keys"
    script --quiet --flush --return --log-out "$BATS_TEST_TMPDIR/screen" \
        --command "su -l alice --session-command 'hpcnode-ctl run --id asked -- sleep infinity'" \
        <"$BATS_TEST_TMPDIR/keys" >/dev/null 2>&1 3>&- &
    client=$!
    exec {keys}>"$BATS_TEST_TMPDIR/keys"
    await file "$BATS_TEST_TMPDIR/screen" "Password: "
    grep -q "AUTHENTICATING FOR org.hpcnode.cgroup1.run" "$BATS_TEST_TMPDIR/screen"
    grep -q "in workload.slice" "$BATS_TEST_TMPDIR/screen"
    echo secret >&"$keys"
    wait $client
    exec {keys}>&-
    [ "$(property asked State)" = 's "running"' ]
    run ! pgrep pkttyagent
}

# ---- what only a stand-in can be made to do --------------------------------------------------

@test "polkit is told who asks, for what, and whether a person may be asked" {
    stand_in
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask 1000 org.hpcnode.cgroup1.run flags=1 act=create slice=workload.slice"
    answer yes
    wait $CLIENT
    as alice hpcnode-ctl freeze mine 3>&- &
    client=$!
    says "ask 1000 org.hpcnode.cgroup1.manage-own flags=0 act=freeze slice=workload.slice scope=workload-mine.scope"
    answer yes
    wait $client
    [ "$(property mine State)" = 's "frozen"' ]
    in_background alice SetScopeLimits 'sa{sv}' mine 1 CPUWeight t 1
    says "ask 1000 org.hpcnode.cgroup1.run flags=1 act=limits slice=workload.slice scope=workload-mine.scope"
    answer no
    fails $CLIENT
}

@test "polkit admits to a drain, and not to killing what others run" {
    stand_in
    hpcnode-ctl run --id roots -- sleep infinity
    in_background alice Drain bs false ""
    says "ask 1000 org.hpcnode.cgroup1.drain flags=1 act=drain"
    answer no
    fails $CLIENT
    grep -q "uid 1000 (other) may not drain the node: polkit" "$FILE"
    in_background alice Drain bs true ""
    says "ask *"
    answer yes
    fails $CLIENT
    grep -q "uid 1000 (other) may not kill what others run" "$FILE"
    run -3 hpcnode-ctl drain --status
    in_background alice Drain bs false ""
    says "ask *"
    answer yes
    wait $CLIENT
    run -0 hpcnode-ctl drain --status
    hpcnode-ctl drain --cancel
    [ "$(property roots State)" = 's "running"' ]
}

@test "polkit admits to an emergency, which lets nobody else touch a job" {
    stand_in
    hpcnode-ctl run --id roots -- sleep infinity
    in_background alice DeclareEmergency st "smoke" 0
    says "ask 1000 org.hpcnode.cgroup1.emergency flags=1 act=emergency"
    answer no
    fails $CLIENT
    grep -q "uid 1000 (other) may not declare or end an emergency: polkit" "$FILE"
    in_background alice DeclareEmergency st "smoke" 0
    says "ask *"
    answer yes
    wait $CLIENT
    [ "$(command busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Emergency)" = "b true" ]
    CALLER=alice refused PermissionDenied FreezeScope s roots
    hpcnode-ctl emergency end
}

# on_terminal WORD...: hpcnode-ctl of alice.
on_terminal() {
    script --quiet --return --log-out /dev/null --command "setpriv --reuid alice --regid alice --init-groups hpcnode-ctl $*" </dev/null >/dev/null 2>&1
}

@test "on a terminal a person may be asked, unless that is turned off" {
    stand_in
    on_terminal create mine 3>&- &
    says "ask 1000 org.hpcnode.cgroup1.run flags=1 *"
    answer yes
    wait $!
    on_terminal --no-ask-password create other 3>&- &
    says "ask 1000 org.hpcnode.cgroup1.run flags=0 *"
    answer yes
    wait $!
}

@test "each way in which polkit does not admit somebody is told" {
    stand_in
    refused_when() {
        in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
        says "ask *"
        answer "$1"
        fails $CLIENT
        grep -q "workload.slice is owned by workload: uid 1000 (other) may not create scopes there: .*$2" "$FILE" || {
            cat "$FILE"
            return 1
        }
    }
    refused_when no "polkit does not admit"
    refused_when challenge "no polkit agent"
    refused_when dismissed "was dismissed"
    refused_when error "it is out of order"
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask *"
    pkill -KILL -x bus-polkit
    fails $CLIENT
    grep -q "ended without an answer" "$FILE"
    wait "$POLKIT_PID" || :
    POLKIT_PID=
}

@test "who leaves while it is asked for gets nothing, and the question is withdrawn" {
    stand_in
    remember
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask *"
    kill $CLIENT
    says withdrawn
    hpcnode-ctl ping
    nothing_left
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask *"
    systemctl restart hpcnode-cgroupd
    says withdrawn
    fails $CLIENT
    [ -z "$(hpcnode-ctl list --no-tasks --no-legend)" ]
}

@test "an answer that comes late counts only for what was asked about" {
    stand_in
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask *"
    answer yes
    wait $CLIENT

    in_background alice FreezeScope s mine
    says "ask *act=freeze*"
    hpcnode-ctl destroy mine
    hpcnode-ctl remove mine
    answer yes
    fails $CLIENT
    grep -q "no scope" "$FILE" || { cat "$FILE"; false; }

    # The name is another scope of hers by now.
    in_background alice CreateScope 'ssa{sv}' workload.slice mine 0
    says "ask *"
    answer yes
    wait $CLIENT
    in_background alice FreezeScope s mine
    freeze=$CLIENT
    says "ask *act=freeze *scope=workload-mine.scope"
    hpcnode-ctl destroy mine
    hpcnode-ctl remove mine
    in_background alice CreateScope 'ssa{sv}' workload.slice/batch mine 0
    says "ask *"
    answer newest yes
    wait $CLIENT
    answer yes
    says "ask *act=freeze *scope=workload-batch-mine.scope"

    # And then somebody else's.
    hpcnode-ctl destroy mine
    hpcnode-ctl remove mine
    hpcnode-ctl create mine
    in_background alice FreezeScope s mine
    fails $CLIENT
    answer yes
    fails $freeze
    [ "$(property mine State)" = 's "active"' ]
}

@test "what one user asks keeps nobody else waiting, and all of it is answered" {
    stand_in
    as alice "$HELPERS/bus-flood" create workload.slice hers 16 >"$BATS_TEST_TMPDIR/flood" 3>&- &
    flood=$!
    for _ in {1..8}; do
        says "ask 1000 *"
    done
    in_background bob CreateScope 'ssa{sv}' workload.slice his 0
    says "ask 1001 *"
    answer newest yes
    wait $CLIENT
    for _ in {1..8}; do
        answer yes
        says "ask *"
    done
    for _ in {1..8}; do
        answer yes
    done
    wait $flood
    cat "$BATS_TEST_TMPDIR/flood"
    grep "CreateScope.* 16" "$BATS_TEST_TMPDIR/flood"
}
