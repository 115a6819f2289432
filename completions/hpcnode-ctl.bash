# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of hpcnode-ctl; scopes are asked for live.

# The index of the verb; fails while it is still to come.
_hpcnode_ctl_verb() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --json | --host | -H | --machine | -M)
            ((i++))
            [[ ${COMP_WORDS[i]} != "=" ]] || ((i++))
            ;;
        -*) ;;
        *)
            printf '%s\n' "$i"
            return
            ;;
        esac
    done
    return 1
}

# Names of scopes, or, where the word being completed names one already, of its tasks. Of another host none: ssh might ask for a password.
_hpcnode_ctl_scopes() {
    local verb i place=() current=${COMP_WORDS[COMP_CWORD]}
    verb=$(_hpcnode_ctl_verb)
    [[ " ${COMP_WORDS[*]:1:verb-1} " != *" --user "* ]] || place=(--user)
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --host | -H*) return ;;
        --machine | -M)
            ((i++))
            [[ ${COMP_WORDS[i]} != "=" ]] || ((i++))
            place+=("--machine=${COMP_WORDS[i]}")
            ;;
        esac
    done
    if [[ $current == */* ]]; then
        hpcnode-ctl "${place[@]}" list --quiet "${current%%/*}/*" 2>/dev/null
    else
        hpcnode-ctl "${place[@]}" list --quiet --no-tasks 2>/dev/null
    fi || :
}

_hpcnode_ctl_machines() {
    printf '.host\n'
    machinectl list --no-legend --no-pager 2>/dev/null | while read -r name _; do
        printf '%s\n' "$name"
    done
}

# Device nodes, and the directories that lead to them.
_hpcnode_ctl_devices() {
    local path
    compgen -f -- "$1" | while read -r path; do
        if [[ -d $path ]]; then
            printf '%s\n' "$path/"
        elif [[ -b $path || -c $path ]]; then
            printf '%s\n' "$path"
        fi
    done
}

# The columns of `list`, behind those that stand there already.
_hpcnode_ctl_columns() {
    local name before=""
    [[ $1 != *,* ]] || before=${1%,*},
    [[ $1 != +* || -n $before ]] || before=+
    hpcnode-ctl list --output help 2>/dev/null | while read -r name _; do
        printf '%s\n' "$before$name"
    done
}

# The numbers of the NUMA nodes.
_hpcnode_ctl_nodes() {
    local node
    for node in /sys/devices/system/node/node[0-9]*; do
        [[ ! -d $node ]] || printf '%s\n' "${node##*/node}"
    done
}

# Where the command of `run`, which stands at $1, begins; fails while it is still to come.
_hpcnode_ctl_command() {
    local i
    for ((i = $1 + 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) ((i + 1 < COMP_CWORD)) && ((++i)) && break ;;
        --wait | --pipe | --pty | --no-new-privs | --force | --quiet | -q | --no-pager | --help | -h) ;;
        -*)
            ((i++))
            [[ ${COMP_WORDS[i]} != "=" ]] || ((i++))
            ;;
        *) break ;;
        esac
    done
    ((i < COMP_CWORD)) && printf '%s\n' "$i"
}

# The values of option $1, matching $2, after verb $3. Fails when it is not one that takes a value.
_hpcnode_ctl_value() {
    case $1 in
    --host | -H)
        if declare -F _known_hosts_real >/dev/null; then
            _known_hosts_real -- "$2"
        else
            COMPREPLY=($(compgen -A hostname -- "$2"))
        fi
        ;;
    --machine | -M) COMPREPLY=($(compgen -W "$(_hpcnode_ctl_machines)" -- "$2")) ;;
    --json) COMPREPLY=($(compgen -W "pretty short off" -- "$2")) ;;
    --scope) COMPREPLY=($(compgen -W "$(_hpcnode_ctl_scopes)" -- "$2")) ;;
    --slice) COMPREPLY=($(compgen -W "workload.slice pact.slice pact-infra.slice pact-network.slice
        pact-gpu.slice pact-audit.slice" -- "$2")) ;;
    --signal) COMPREPLY=($(compgen -W "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP" -- "$2")) ;;
    --log) COMPREPLY=($(compgen -W "journal null file:" -- "$2")) ;;
    --user)
        [[ $3 == run ]] || return 1
        COMPREPLY=($(compgen -u -- "$2"))
        ;;
    --group) COMPREPLY=($(compgen -g -- "$2")) ;;
    --require-path) COMPREPLY=($(compgen -f -- "$2")) ;;
    --output | -o)
        if [[ $3 == logs ]]; then
            COMPREPLY=($(compgen -W "short cat" -- "$2"))
        else
            compopt -o nospace 2>/dev/null
            COMPREPLY=($(compgen -W "$(_hpcnode_ctl_columns "$2")" -- "$2"))
        fi
        ;;
    --cwd) COMPREPLY=($(compgen -d -- "$2")) ;;
    --device)
        # ":rw" or the rest of the path may follow.
        compopt -o nospace 2>/dev/null
        COMPREPLY=($(_hpcnode_ctl_devices "${2:-/dev/}"))
        ;;
    --device-policy) COMPREPLY=($(compgen -W "auto closed strict" -- "$2")) ;;
    --numa-node | --cpuset-mems) COMPREPLY=($(compgen -W "$(_hpcnode_ctl_nodes)" -- "$2")) ;;
    --sort) COMPREPLY=($(compgen -W "cpu memory io pressure name tasks" -- "$2")) ;;
    --env) COMPREPLY=($(compgen -v -- "$2")) ;;
    --service) COMPREPLY=($(compgen -c -- "$2")) ;;
    --id | --lines | -n | --delay | -d | --iterations | --since | --reason | --duration | --timeout | --priority | --nice | --description | --memory-* | --cpu-* | --cpuset-* | --io-* | --pids-max) ;;
    *) return 1 ;;
    esac
}

_hpcnode_ctl() {
    local verbs="run attach create destroy metrics empty owner hierarchy list tree top stats pressure inspect wait logs kill
        freeze thaw set
        remove emergency drain events ping whoami"
    local limits="--memory-max --memory-high --memory-low --memory-min --memory-swap-max --oom-group --cpu-weight
        --cpu-max --cpuset-cpus --cpuset-mems --numa-node --io-weight --io-max --pids-max --device
        --device-policy"
    local common="--host -H --machine -M --json --no-pager --help"
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verb="" index command options="" operands=""

    index=$(_hpcnode_ctl_verb) && verb=${COMP_WORDS[index]}
    if [[ $verb == run ]] && command=$(_hpcnode_ctl_command "$index"); then
        if declare -F _command_offset >/dev/null; then
            _command_offset "$command"
        else
            COMPREPLY=($(compgen -f -- "$current"))
        fi
        return
    fi
    if [[ $previous == "=" ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == "=" ]]; then
        current=""
    fi
    _hpcnode_ctl_value "$previous" "$current" "$verb" && return

    case $verb in
    "")
        COMPREPLY=($(compgen -W "$verbs --host -H --machine -M --user --json --no-ask-password --no-pager --help --version" -- "$current"))
        return
        ;;
    run)
        options="--id --slice --scope --priority --wait --pipe --pty --cwd --env --user --group --log --nice
            --timeout --service --require-path --no-new-privs --force --quiet -q $limits"
        [[ $current == -* ]] || operands=$(compgen -c -- "$current")
        ;;
    create) options="--slice --priority --quiet -q --release-on-empty --description --force $limits" ;;
    set)
        options=$limits
        operands=$(_hpcnode_ctl_scopes)
        ;;
    empty)
        options="--quiet -q"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    kill)
        options="--signal --all"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    attach)
        options="--quiet -q"
        operands=$(_hpcnode_ctl_scopes)
        [[ $previous == attach || $previous == -* ]] || operands=$(ps -e -o pid=)
        ;;
    list)
        options="--all -a --output -o --quiet -q --no-tasks --no-legend"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    tree)
        options="--no-legend"
        operands="workload.slice pact.slice $(_hpcnode_ctl_scopes)"
        ;;
    top)
        options="--delay -d --iterations -n --batch -b --sort --no-tasks --no-legend"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    pressure)
        options="--all -a --follow -f --since --no-legend"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    drain) options="--kill --reason --timeout --no-wait --cancel --status" ;;
    emergency)
        options="--reason --duration"
        operands="declare end status"
        ;;
    logs)
        options="--follow -f --lines -n --since --output -o"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    events)
        options="--follow -f --lines -n --since"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    destroy | inspect | wait | freeze | thaw | remove) operands=$(_hpcnode_ctl_scopes) ;;
    metrics | owner) [[ $current == -* ]] || COMPREPLY=($(compgen -d -- "${current:-/sys/fs/cgroup/}")) ;;
    esac

    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options $common" -- "$current"))
    elif [[ -n $operands ]]; then
        COMPREPLY=($(compgen -W "$operands" -- "$current"))
    fi
}

complete -F _hpcnode_ctl hpcnode-ctl
