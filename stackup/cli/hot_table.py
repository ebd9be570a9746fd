"""The command line as a table, so that no command waits for typer. Written by `just hot`."""

# ruff: noqa: E501

GLOBALS = "file|texts|--file,-f| project_name|text|--project-name,-p| profile|texts|--profile| env_file|texts|--env-file| project_directory|text|--project-directory| parallel|number|--parallel| progress|text|--progress| ansi|text|--ansi| dry_run|flag|--dry-run| compatibility|flag|--compatibility| all_resources|flag|--all-resources| verbose|flag|--verbose| version|flag|--version,-v|"

VERBS = {
    "apply": "plan|one|| yes|flag|--yes,-y|",
    "attach": "service|one|| index|number|--index| no_stdin|flag|--no-stdin|",
    "config": "names|many|| format|text|--format| quiet|flag|--quiet,-q| output|text|--output,-o| services|flag|--services| volumes|flag|--volumes| networks|flag|--networks| images|flag|--images| profiles|flag|--profiles| variables|flag|--variables| diagnostics|text|--diagnostics| hash|text|--hash|",
    "create": "services|many|| build|flag|--build| no_build|flag|--no-build| pull|text|--pull| quiet_pull|flag|--quiet-pull| force_recreate|flag|--force-recreate| no_recreate|flag|--no-recreate| remove_orphans|flag|--remove-orphans| scale|texts|--scale| yes|flag|--yes,-y|",
    "doctor": "json|flag|--json|",
    "down": "services|many|| volumes|flag|--volumes,-v| rmi|text|--rmi| remove_orphans|flag|--remove-orphans| timeout|number|--timeout,-t| yes|flag|--yes,-y|",
    "exec": "service|one|| command|some|| detach|flag|--detach,-d| env|texts|--env,-e| user|text|--user,-u| workdir|text|--workdir,-w| index|number|--index| no_tty|flag|--no-tty,-T| tty|flag|--tty,-t| interactive|flag|--interactive,-i|1 interactive|off|--no-interactive| privileged|flag|--privileged| rest",
    "explain": "code|one||",
    "image import": "source|one|| reference|one|| change|texts|--change,-c| json|flag|--json|",
    "image inspect": "references|some||",
    "image ls": "quiet|flag|--quiet,-q| format|text|--format| json|flag|--json|",
    "image parse": "file|one|| format|text|--format|json",
    "image prune": "all|flag|--all,-a| force|flag|--force,-f|",
    "image rm": "references|some|| force|flag|--force,-f|",
    "images": "services|many|| quiet|flag|--quiet,-q| format|text|--format| json|flag|--json|",
    "kill": "services|many|| signal|text|--signal,-s|SIGKILL remove_orphans|flag|--remove-orphans|",
    "logs": "services|many|| follow|flag|--follow,-f| tail|text|--tail,-n| timestamps|flag|--timestamps,-t| since|text|--since| until|text|--until| index|number|--index| no_color|flag|--no-color| no_log_prefix|flag|--no-log-prefix|",
    "ls": "all|flag|--all,-a| quiet|flag|--quiet,-q| format|text|--format| filter|texts|--filter| json|flag|--json|",
    "plan": "services|many|| out|text|--out,-o| detailed_exitcode|flag|--detailed-exitcode| steps|flag|--steps| force_recreate|flag|--force-recreate| no_recreate|flag|--no-recreate| no_deps|flag|--no-deps| remove_orphans|flag|--remove-orphans| scale|texts|--scale| diagnostics|text|--diagnostics| json|flag|--json|",
    "port": "service|one|| private_port|count|| protocol|text|--protocol|tcp index|number|--index|",
    "ps": "services|many|| all|flag|--all,-a| quiet|flag|--quiet,-q| format|text|--format| json|flag|--json| filter|texts|--filter| status|texts|--status| list_services|flag|--services| orphans|flag|--orphans|1 orphans|off|--no-orphans| drift|flag|--drift| no_trunc|flag|--no-trunc|",
    "restart": "services|many|| timeout|number|--timeout,-t| no_deps|flag|--no-deps|",
    "rm": "services|many|| force|flag|--force,-f| stop|flag|--stop,-s| volumes|flag|--volumes,-v|",
    "run": "service|one|| command|many|| rm|flag|--rm| detach|flag|--detach,-d| env|texts|--env,-e| env_from_file|texts|--env-from-file| user|text|--user,-u| workdir|text|--workdir,-w| entrypoint|text|--entrypoint| name|text|--name| label|texts|--label,-l| volume|texts|--volume,-v| publish|texts|--publish,-p| service_ports|flag|--service-ports,-P| use_aliases|flag|--use-aliases| no_deps|flag|--no-deps| no_tty|flag|--no-tty,-T| tty|flag|--tty,-t| interactive|flag|--interactive,-i|1 interactive|off|--no-interactive| cap_add|texts|--cap-add| cap_drop|texts|--cap-drop| build|flag|--build| pull|text|--pull| quiet|flag|--quiet,-q| remove_orphans|flag|--remove-orphans| rest",
    "scale": "counts|some|| no_deps|flag|--no-deps|",
    "start": "services|many|| wait|flag|--wait| wait_timeout|number|--wait-timeout|",
    "stop": "services|many|| timeout|number|--timeout,-t|",
    "top": "services|many|| json|flag|--json|",
    "up": "services|many|| detach|flag|--detach,-d| build|flag|--build| no_build|flag|--no-build| pull|text|--pull| quiet_pull|flag|--quiet-pull| force_recreate|flag|--force-recreate| no_recreate|flag|--no-recreate| always_recreate_deps|flag|--always-recreate-deps| renew_anon_volumes|flag|--renew-anon-volumes,-V| no_deps|flag|--no-deps| no_start|flag|--no-start| remove_orphans|flag|--remove-orphans| scale|texts|--scale| wait|flag|--wait| wait_timeout|number|--wait-timeout| timeout|number|--timeout,-t| abort_on_container_exit|flag|--abort-on-container-exit| abort_on_container_failure|flag|--abort-on-container-failure| exit_code_from|text|--exit-code-from| attach|texts|--attach| no_attach|texts|--no-attach| attach_dependencies|flag|--attach-dependencies| timestamps|flag|--timestamps| no_color|flag|--no-color| no_log_prefix|flag|--no-log-prefix| menu|flag|--menu| menu|off|--no-menu| yes|flag|--yes,-y|",
    "version": "format|text|--format,-f| short|flag|--short|",
    "volumes": "quiet|flag|--quiet,-q| format|text|--format| json|flag|--json|",
    "wait": "services|some|| down_project|flag|--down-project|",
    "why": "subject|one|| json|flag|--json|",
}
