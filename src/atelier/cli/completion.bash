# Tab completion of atelier, for `python src/train.py`, `uv run src/train.py` and `atelier`. What else is typed after
# python or uv is completed as it was before.
_atelier_complete() {
    local line=${COMP_LINE:0:COMP_POINT} words=() runner=() word place=0 rest breaks before found=()
    read -ra words <<< "$line"
    for word in "${words[@]}"; do
        runner+=("$word")
        place=$((place + 1))
        if [[ $place == 1 && ${word##*/} == atelier ]] || [[ $place != 1 && $word == *.py ]]; then break; fi
    done
    rest=${line#*"$word"}
    if [[ -n $rest && ( $word == *.py || $place == 1 ) ]] && _atelier_ours "$word"; then
        case ${runner[0]##*/} in
            uv) runner=(uv run --no-sync --quiet "${runner[@]:2}") ;;
        esac
        while IFS= read -r word; do
            [[ $word == *[=./] ]] && found+=("$word") || found+=("$word ")
        done < <(COMP_LINE=$rest "${runner[@]}" --shell-completion query=bash 2> /dev/null)
        if [[ ${#found[@]} == 0 ]]; then return; fi
        word=${line##*[[:space:]]}
        breaks=${COMP_WORDBREAKS//[^=:]/}
        before=
        if [[ -n $breaks ]]; then before=${word%"${word##*[$breaks]}"}; fi
        COMPREPLY=("${found[@]#"$before"}")
        compopt -o nospace 2> /dev/null
    else
        before=_atelier_before_${1##*/}
        if [[ -n ${!before} ]]; then "${!before}" "$@"; fi
    fi
}

# Whether a command or script is one of ours.
_atelier_ours() {
    local file=${1/#\~/$HOME}
    [[ ${file##*/} == atelier ]] && return
    [[ $file == */* ]] || file=./$file
    [[ -f $file && -f ${file%/*}/atelier/cli/entry_point.py ]]
}

for _atelier_name in python python3 uv atelier; do
    if [[ $(complete -p "$_atelier_name" 2> /dev/null) =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _atelier_complete ]]; then
        printf -v "_atelier_before_$_atelier_name" %s "${BASH_REMATCH[1]}"
    fi
    complete -o bashdefault -o default -F _atelier_complete "$_atelier_name"
done
unset _atelier_name
