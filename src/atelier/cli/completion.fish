# Tab completion of atelier, for `python src/train.py`, `uv run src/train.py` and `atelier`. What else is typed after
# python or uv is completed as it was before.
function __atelier_place --description 'the number of the word that is our script or command'
    set -l parts (commandline -opc)
    for place in (seq (count $parts))
        set -l word $parts[$place]
        if test $place = 1; and test (basename -- $word) = atelier
            echo 1
            return 0
        end
        if test $place != 1; and string match -q -- '*.py' $word
            test -f $word; and test -f (dirname -- $word)/atelier/cli/entry_point.py; or return 1
            echo $place
            return 0
        end
    end
    return 1
end

function __atelier_candidates
    set -l parts (commandline -opc)
    set -l place (__atelier_place)
    set -l runner $parts[1..$place]
    set -l last (commandline -ct)
    if test (basename -- $runner[1]) = uv
        set runner uv run --no-sync --quiet $runner[3..-1]
    end
    set -l rest
    if test $place -lt (count $parts)
        set rest $parts[(math $place + 1)..-1]
    end
    set -lx COMP_LINE (string join ' ' -- (string escape -- $rest) $last)
    test -z "$last"; and set COMP_LINE "$COMP_LINE "
    set -l found ($runner --shell-completion query=fish 2> /dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else if string match -q -- '*=*' $last
        set -l key (string replace -r '=.*' = -- $last)
        for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- $last))
            printf '%s%s\n' $key $path
        end
    else
        __fish_complete_path $last
    end
end

for name in python python3 uv atelier
    complete -c $name -n __atelier_place -f -a '(__atelier_candidates)'
end
