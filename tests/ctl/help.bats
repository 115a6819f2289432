#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# --help, --version, and that the man page and both completions know the same verbs and options.

bats_require_minimum_version 1.5.0
load common

setup() {
    no_bus
    man=$SOURCE_ROOT/man/hpcnode-ctl.1.scd
    bash_completion=$SOURCE_ROOT/completions/hpcnode-ctl.bash
    zsh_completion=$SOURCE_ROOT/completions/_hpcnode-ctl
}

@test "--version prints name and version" {
    run -0 --separate-stderr ctl --version
    [[ $output =~ ^hpcnode-ctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [ -z "$stderr" ]
}

@test "--help lists the verbs, also as -h" {
    run -0 --separate-stderr ctl --help
    [ "${lines[0]}" = "Usage: hpcnode-ctl [OPTION...] VERB [OPTION...] [OPERAND...]" ]
    help=$output
    run -0 ctl -h
    [ "$output" = "$help" ]
    [ "$(verbs_of_help | wc -l)" -eq 26 ]
}

@test "every verb has a --help with a usage line, whatever else is missing" {
    for verb in $(verbs_of_help); do
        run -0 --separate-stderr ctl "$verb" --help
        [[ ${lines[0]} == "Usage: hpcnode-ctl $verb "* ]]
        [ -z "$stderr" ]
    done
}

@test "list says which columns there are, without asking anybody" {
    run -0 --separate-stderr ctl list --output help
    [[ ${lines[0]} == "NAME "* ]]
    [ -z "$stderr" ]
}

@test "no line of help is wider than 100 columns" {
    for verb in "" $(verbs_of_help); do
        # shellcheck disable=SC2086 # a verb, or none
        run -0 ctl $verb --help
        [ "$(wc -L <<<"$output")" -le 100 ]
    done
}

# The options of each section of the man page, "VERB OPTION" a line.
options_of_man() {
    awk '/^## /{ verb = tolower($2); next }
         /^# /{ verb = "" }
         /^\*(-., )?--/ { for (i = 1; i <= NF; i++) if (match($i, /--[a-z-]+/))
                             { print verb, substr($i, RSTART + 2, RLENGTH - 2); break } }' "$man"
}

@test "the man page describes the same verbs" {
    diff <(verbs_of_help | sort) <(sed -n 's/^## \([a-z]*\).*/\1/p' "$man" | sort)
}

@test "the man page describes the same options of each verb" {
    for verb in $(verbs_of_help); do
        diff <(options_of_help "$verb" | own | grep -vxF -f <(limits)) \
            <(options_of_man | sed -n "s/^$verb //p" | sort -u | grep -vxF -f <(limits)) ||
            { echo "verb $verb differs"; false; }
    done
    diff <(limits | sort) <(sed -n '/^# LIMITS/,/^# [^L]/s/^\*--\([a-z-]*\)\*.*/\1/p' "$man" | sort)
}

# The options that set limits: what `set` takes.
limits() {
    options_of_help set | own
}

# Not those that every verb has.
own() {
    grep -vx -e host -e machine -e json -e no-pager -e help
}

@test "bash completes the same verbs and options" {
    # shellcheck source=/dev/null
    source "$bash_completion"
    complete_line hpcnode-ctl ""
    diff <(verbs_of_help | sort) <(printf '%s\n' "${COMPREPLY[@]}" | grep -v ^- | sort)
    for verb in $(verbs_of_help); do
        complete_line hpcnode-ctl "$verb" --
        diff <(options_of_help "$verb") <(printf '%s\n' "${COMPREPLY[@]}" | sed 's/^--//; s/=$//' | sort) ||
            { echo "verb $verb differs"; false; }
    done
}

@test "bash completes devices, policies and NUMA nodes" {
    # shellcheck source=/dev/null
    source "$bash_completion"
    complete_line hpcnode-ctl run --device /dev/nul
    [ "${COMPREPLY[*]}" = /dev/null ]
    complete_line hpcnode-ctl run --device /de
    [ "${COMPREPLY[*]}" = /dev/ ]
    # Nothing that is no device.
    complete_line hpcnode-ctl run --device /etc/passw
    [ -z "${COMPREPLY[*]}" ]
    complete_line hpcnode-ctl set --device-policy cl
    [ "${COMPREPLY[*]}" = closed ]
    [ -d /sys/devices/system/node/node0 ] || skip "no NUMA nodes here"
    complete_line hpcnode-ctl create --numa-node 0
    [ "${COMPREPLY[*]}" = 0 ]
}

@test "bash completes after --output of logs its formats, and no columns of list" {
    # shellcheck source=/dev/null
    source "$bash_completion"
    for option in --output -o; do
        complete_line hpcnode-ctl logs "$option" ""
        [ "${COMPREPLY[*]}" = "short cat" ]
    done
}

@test "bash tells the option --user before the verb from that of run" {
    # shellcheck source=/dev/null
    source "$bash_completion"
    complete_line hpcnode-ctl --user ""
    diff <(verbs_of_help | sort) <(printf '%s\n' "${COMPREPLY[@]}" | grep -v ^- | sort)
    complete_line hpcnode-ctl --user run --user roo
    [ "${COMPREPLY[*]}" = root ]
    complete_line hpcnode-ctl --user run --slice work
    [ "${COMPREPLY[*]}" = workload.slice ]
}

@test "bash asks the daemon of the user for scopes after --user, wherever it stands before the verb" {
    # What would be asked.
    # shellcheck disable=SC2317 # by the completion
    hpcnode-ctl() {
        echo "${*// /_}"
    }
    # shellcheck source=/dev/null
    source "$bash_completion"
    complete_line hpcnode-ctl inspect ""
    [ "${COMPREPLY[*]}" = "list --quiet --no-tasks" ]
    for line in "--user inspect" "--json short --user kill" "--user --json = short wait" "--user run --scope"; do
        # shellcheck disable=SC2086 # words
        complete_line hpcnode-ctl $line ""
        [ "${COMPREPLY[*]}" = "--user list --quiet --no-tasks" ] || { echo "$line: ${COMPREPLY[*]}"; false; }
    done
    complete_line hpcnode-ctl run --user root --scope ""
    [ "${COMPREPLY[*]}" = "list --quiet --no-tasks" ]
}

@test "bash asks a container for its scopes, and of another host for none" {
    hpcnode-ctl() {
        echo "${*// /_}"
    }
    machinectl() {
        echo "box container systemd-nspawn"
    }
    # shellcheck source=/dev/null
    source "$bash_completion"
    for line in "-M box inspect" "--machine = box inspect" "kill -M box" "run --machine box --scope"; do
        # shellcheck disable=SC2086 # words
        complete_line hpcnode-ctl $line ""
        [ "${COMPREPLY[*]}" = "--machine=box list --quiet --no-tasks" ] || { echo "$line: ${COMPREPLY[*]}"; false; }
    done
    for line in "-H node7 inspect" "kill --host node7"; do
        # shellcheck disable=SC2086 # words
        complete_line hpcnode-ctl $line ""
        [ -z "${COMPREPLY[*]}" ] || { echo "$line: ${COMPREPLY[*]}"; false; }
    done
    complete_line hpcnode-ctl -M b
    [ "${COMPREPLY[*]}" = box ]
    complete_line hpcnode-ctl -H node7 pin
    [ "${COMPREPLY[*]}" = ping ]
}

@test "zsh asks the daemon of the user or of a container for scopes, and of another host for none" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    # The line has a verb with a scope; its options are $1.
    # shellcheck disable=SC2016 # expanded by zsh
    stand_ins='
        _arguments() {
            [[ $1 == -C ]] || { _hpcnode_ctl_scopes; return }
            state=operand words=(inspect "")
            [[ -z $given ]] || opt_args[$given]=$value
        }
        _call_program() { print -r -- "${(@)argv[2,-1]}" >>asked; }
        compadd() { }
        given=$1 value=$2
        source "$3"'
    cd "$BATS_TEST_TMPDIR"
    zsh -f -c "$stand_ins" zsh "" "" "$zsh_completion"
    zsh -f -c "$stand_ins" zsh --user "" "$zsh_completion"
    zsh -f -c "$stand_ins" zsh -M box "$zsh_completion"
    zsh -f -c "$stand_ins" zsh --host node7 "$zsh_completion"
    diff asked - <<'END'
hpcnode-ctl list --quiet --no-tasks
hpcnode-ctl --user list --quiet --no-tasks
hpcnode-ctl --machine=box list --quiet --no-tasks
END
}

@test "zsh completes the same verbs and options" {
    diff <(verbs_of_help | sort) \
        <(sed -n "/^_hpcnode_ctl_verbs=/,/^)/s/^ *'\([a-z]*\):.*/\1/p" "$zsh_completion" | sort)
    for verb in $(verbs_of_help); do
        diff <(options_of_help "$verb" | grep -vx help) <(options_of_zsh "$verb") ||
            { echo "verb $verb differs"; false; }
    done
}

# What the function of a verb offers, with the arrays it names.
options_of_zsh() {
    { sed -n "/^_hpcnode_ctl_$1()/,/^}/p" "$zsh_completion"
      for array in common limits; do
          if sed -n "/^_hpcnode_ctl_$1()/,/^}/p" "$zsh_completion" | grep -q "_hpcnode_ctl_$array"; then
              sed -n "/^_hpcnode_ctl_$array=/,/^)/p" "$zsh_completion"
          fi
      done
    } | grep -o -e '--[a-z-]*=\?-\?\[' | sed 's/^--//; s/=\?-\?\[$//' | grep -vx help | sort -u
}

@test "both completions are valid in their shell" {
    bash -n "$bash_completion"
    command -v zsh >/dev/null || skip "zsh is not installed"
    zsh -n "$zsh_completion"
}

# The commands in a page of the documentation, "VERB ARGUMENT..." a line: indented, or in backquotes.
commands_of_page() {
    {
        sed -n 's/^    //p' "$1"
        # shellcheck disable=SC2016 # Markdown's
        grep -o '`[^`]*`' "$1" | tr -d '`'
    } | sed -n -E 's/^[a-z]+=\$\((.*)\)$/\1/; s/(^|.*[ "(])hpcnode-ctl (--user |--json short )?//; /^[a-z]+ .*--[a-z]/p' |
        grep -wE "^($(verbs_of_help | paste -sd '|'))"
}

@test "README and the page on jobs name options that the verbs have" {
    for page in README.md docs/job-runner.md; do
        commands_of_page "$SOURCE_ROOT/$page" >"$BATS_TEST_TMPDIR/commands"
        [ -s "$BATS_TEST_TMPDIR/commands" ]
        while read -r verb arguments; do
            while read -r option; do
                options_of_help "$verb" | grep -qxF -- "$option" || {
                    echo "$page: $verb has no --$option"
                    false
                }
            done < <(grep -oE '(^| )--[a-z-]+' <<<"${arguments%% -- *}" | tr -d ' ' | cut -c3-)
        done <"$BATS_TEST_TMPDIR/commands"
    done
}
