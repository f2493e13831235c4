# Tab completion of atelier, for `python src/train.py`, `uv run src/train.py` and `atelier`. What else is typed after
# python or uv is completed as it was before.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }

_atelier_complete() {
    local -a runner names shown
    local place line answer name
    for place in {1..$(( CURRENT - 1 ))}; do
        if [[ $place == 1 && ${words[1]:t} == atelier ]] || [[ $place != 1 && ${words[place]} == *.py ]]; then
            runner=("${(@Q)words[1,place]}")
            break
        fi
    done
    if (( ! $#runner )) || ! _atelier_ours ${~runner[-1]}; then
        ${_atelier_before[${words[1]:t}]:-_default}
        return
    fi
    [[ ${runner[1]:t} == uv ]] && runner=(uv run --no-sync --quiet "${runner[@]:2}")
    line="${(j: :)words[place+1,CURRENT-1]} $PREFIX"
    for answer in "${(@f)$(COMP_LINE=$line $runner --shell-completion query=zsh 2> /dev/null)}"; do
        [[ -n $answer ]] || continue
        name=${answer%%$'\t'*}
        names+=("$name")
        shown+=("${answer/$'\t'/  }")
    done
    if (( ! $#names )); then
        compset -P '*='
        _files
        return
    fi
    for name in $names; do
        if [[ $name == *[=./] ]]; then compadd -Q -S '' -l -d "( ${(q)shown[1]} )" -- $name
        else compadd -Q -l -d "( ${(q)shown[1]} )" -- $name
        fi
        shift shown
    done
}

# Whether a command or script is one of ours.
_atelier_ours() {
    [[ ${1:t} == atelier || -f $1 && -f ${1:h}/atelier/cli/entry_point.py ]]
}

typeset -gA _atelier_before
for _atelier_name in python python3 uv atelier; do
    if [[ -n ${_comps[$_atelier_name]} && ${_comps[$_atelier_name]} != _atelier_complete ]]; then
        _atelier_before[$_atelier_name]=${_comps[$_atelier_name]}
    fi
    compdef _atelier_complete $_atelier_name
done
unset _atelier_name
