#!/usr/bin/env zsh
# SPDX-License-Identifier: LGPL-2.1-or-later
# complete.zsh COMPLETIONS DUMP LINE: what zsh offers at the end of that command line, one candidate a line. COMPLETIONS is the
# directory with _hpcnode-ctl; hpcnode-ctl is the one of PATH. DUMP is a file where compinit keeps what it has found.
zmodload zsh/zpty || exit

init=$(mktemp) || exit
trap 'rm -f $init' EXIT
cat >$init <<'END'
PROMPT= RPROMPT= LISTMAX=10000
unset zle_bracketed_paste
unsetopt auto_list auto_menu beep
autoload -Uz compinit && compinit -u -C -d $dump
compadd() {
  local -a found
  # With these, nothing is offered yet.
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] || builtin compadd -A found "$@"
  builtin compadd "$@"
  local status_of_it=$?
  (( $#found )) && print -rl -- @@${^found}
  return $status_of_it
}
say_end() { print -r -- "==end" }
zle -N say_end
bindkey '^I' complete-word
bindkey '^G' say_end
END

zpty -b shell zsh -f -i
zpty -w shell "fpath=(${(q)1} \$fpath) dump=${(q)2}; source $init; print -r -- @''@@ready"
zpty -r shell told '*@@@ready*' || exit
zpty -w -n shell "$3"$'\t'
zpty -w -n shell $'\a'
zpty -r shell told '*==end*' || exit
zpty -d shell
print -r -- $told | tr -d '\r' | sed -n 's/^.*@@\([^@].*\)$/\1/p'
