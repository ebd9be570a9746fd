"""The scripts that teach a shell to ask: each hands the words to `stackup __complete` and takes lines back. Hot."""

from __future__ import annotations

BASH = r"""# stackup's completion for bash: eval "$(stackup completion bash)"
_stackup() {
    local item cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    while IFS= read -r item; do
        case $item in
            :files) compopt -o default ;;
            :folders) compopt -o dirnames ;;
            *) COMPREPLY+=("${item%%$'\t'*}") ;;
        esac
    done < <(command stackup __complete bash "${COMP_LINE:0:COMP_POINT}" "$cur" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -F _stackup stackup
"""

ZSH = r"""#compdef stackup
# stackup's completion for zsh: source <(stackup completion zsh), or as _stackup in a folder of $fpath
_stackup() {
    local item
    local -a found
    for item in "${(@f)$(command stackup __complete words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $item in
            '') ;;
            :files) _files; return ;;
            :folders) _files -/; return ;;
            *) item=${item//:/\\:}; found+=("${item/$'\t'/:}") ;;
        esac
    done
    (( ${#found} )) && _describe stackup found
}
if [[ $funcstack[1] == _stackup ]]; then _stackup "$@"; else compdef _stackup stackup; fi
"""

FISH = r"""# stackup's completion for fish: stackup completion fish | source
function __stackup_complete
    set -l found (command stackup __complete words (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    switch "$found[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :folders
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\n' $found
    end
end
complete -c stackup -f -a '(__stackup_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
