#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The contract of the client library, on the daemon: the tests that the fake passes, too.

load lib

RULES=/etc/polkit-1/rules.d/10-hpcnode-test.rules

# Whom polkit admits.
setup_file() {
    systemctl start hpcnode-cgroupd
    cat >"$RULES" <<'END'
polkit.addRule(function(action, subject) {
    if (action.id == "org.hpcnode.cgroup1.run" && subject.user == "alice")
        return polkit.Result.YES;
});
END
    chmod 0644 "$RULES"
    systemctl reset-failed polkit 2>/dev/null || :
    systemctl restart polkit
}

teardown_file() {
    rm "$RULES"
    systemctl restart polkit
}

# contract [OPTION...] GROUP: shows which of its tests have failed.
contract() {
    contract-daemon "$@" >"$BATS_TEST_TMPDIR/tap" 2>&1 || {
        echo "contract-daemon ends with status $?"
        grep -v '^ok ' "$BATS_TEST_TMPDIR/tap"
        return 1
    }
    grep -q '^ok ' "$BATS_TEST_TMPDIR/tap"
}

# bats test_tags=native
@test "the daemon fulfils the contract on slices, scopes and records" {
    contract scopes
}

# bats test_tags=native
@test "the daemon fulfils the contract on names and on what is told" {
    contract finding
}

# bats test_tags=native
@test "the daemon fulfils the contract on jobs and tasks" {
    contract tasks
}

# bats test_tags=native
@test "the daemon fulfils the contract on freezing and signals" {
    contract signals
}

# bats test_tags=native
@test "the daemon fulfils the contract on waiting" {
    contract waiting
}

# bats test_tags=native
@test "the daemon fulfils the contract on who may do what" {
    contract access
}

# bats test_tags=native
@test "the daemon fulfils the contract on processes that run elsewhere" {
    contract attaching
}

# bats test_tags=native
@test "the daemon fulfils the contract on processes that their caller starts" {
    contract opening
}

# bats test_tags=native
@test "the daemon fulfils the contract on draining" {
    contract draining
}

# bats test_tags=native
@test "the daemon fulfils the contract on limits that it refuses" {
    contract -s 'controllers_*' limits
}

@test "the daemon fulfils the contract on limits that are in force" {
    needs_controllers
    contract -o 'controllers_*' limits
}
