# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of hpcnode-ctl; scopes are asked for live.

# The index of the verb; fails while it is still to come.
_hpcnode_ctl_verb() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --json)
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

_hpcnode_ctl_scopes() {
    local verb user=()
    verb=$(_hpcnode_ctl_verb)
    [[ " ${COMP_WORDS[*]:1:verb-1} " != *" --user "* ]] || user=(--user)
    hpcnode-ctl "${user[@]}" list --no-legend 2>/dev/null | while read -r name _; do
        printf '%s\n' "$name"
    done
}

# Where the command of `run`, which stands at $1, begins; fails while it is still to come.
_hpcnode_ctl_command() {
    local i
    for ((i = $1 + 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) ((i + 1 < COMP_CWORD)) && ((++i)) && break ;;
        --wait | --pipe | --no-new-privs | --help | -h) ;;
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
    --cwd) COMPREPLY=($(compgen -d -- "$2")) ;;
    --device) COMPREPLY=($(compgen -f -- "${2:-/dev/}")) ;;
    --env) COMPREPLY=($(compgen -v -- "$2")) ;;
    --id | --lines | -n | --since | --priority | --nice | --description | --memory-* | --cpu-* | --cpuset-* | --io-* | --pids-max) ;;
    *) return 1 ;;
    esac
}

_hpcnode_ctl() {
    local verbs="run create destroy metrics empty owner hierarchy list inspect wait kill freeze thaw set
        remove events ping"
    local limits="--memory-max --memory-high --memory-low --memory-min --memory-swap-max --cpu-weight
        --cpu-max --cpuset-cpus --cpuset-mems --io-weight --io-max --pids-max --device"
    local common="--json --help"
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
        COMPREPLY=($(compgen -W "$verbs --user --json --help --version" -- "$current"))
        return
        ;;
    run)
        options="--id --slice --scope --priority --wait --pipe --cwd --env --user --group --log --nice
            --no-new-privs $limits"
        [[ $current == -* ]] || operands=$(compgen -c -- "$current")
        ;;
    create) options="--slice --priority --release-on-empty --description $limits" ;;
    set)
        options=$limits
        operands=$(_hpcnode_ctl_scopes)
        ;;
    empty)
        options="--quiet"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    kill)
        options="--signal"
        operands=$(_hpcnode_ctl_scopes)
        ;;
    list) options="--no-legend" ;;
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
