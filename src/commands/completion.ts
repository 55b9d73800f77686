/** `rcptgate completion`: scripts that complete commands and options in bash, zsh and fish. Pure. */

/** What can be completed of a command. */
export interface Completed {
  readonly name: string;
  readonly summary: string;
  /** Options without their dashes. */
  readonly options: readonly string[];
  /** Words that may follow, such as `list`. */
  readonly words: readonly string[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script for a shell. */
export function completionScript(shell: Shell, commands: readonly Completed[]): string {
  return { bash, zsh, fish }[shell](commands);
}

function wordsOf({ options, words }: Completed): string {
  return [...words, ...options.map((option) => `--${option}`)].join(' ');
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map((each) => `    ${each.name}) words='${wordsOf(each)}' ;;`);
  return `# bash completion of rcptgate: rcptgate completion bash > /etc/bash_completion.d/rcptgate
_rcptgate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words=
  if ((COMP_CWORD == 1)); then
    words='${commands.map(({ name }) => name).join(' ')} --help --version'
  else
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _rcptgate rcptgate`;
}

function zsh(commands: readonly Completed[]): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
  const described = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = commands.map((each) => `    ${each.name}) compadd -- ${wordsOf(each)} ;;`);
  return `#compdef rcptgate
# zsh completion of rcptgate: rcptgate completion zsh > /usr/local/share/zsh/site-functions/_rcptgate
_rcptgate() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
  _files
}
compdef _rcptgate rcptgate`;
}

function fish(commands: readonly Completed[]): string {
  const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const lines = commands.flatMap(({ name, summary, options, words }) => [
    `complete -c rcptgate -n __fish_use_subcommand -a ${name} -d '${quoted(summary)}'`,
    ...options.map((option) => `complete -c rcptgate -n '__fish_seen_subcommand_from ${name}' -l ${option}`),
    ...(words.length > 0
      ? [`complete -c rcptgate -n '__fish_seen_subcommand_from ${name}' -a '${words.join(' ')}'`]
      : []),
  ]);
  return [
    '# fish completion of rcptgate: rcptgate completion fish > ~/.config/fish/completions/rcptgate.fish',
    ...lines,
  ].join('\n');
}

/** What may follow a command, as its usage says. */
export const WORDS: Readonly<Record<string, readonly string[]>> = {
  sync: ['approve'],
  override: ['list', 'add', 'remove'],
  harvest: ['list', 'reset'],
  tenant: ['list'],
  domain: ['list'],
  export: ['write'],
  config: ['check', 'show'],
  completion: ['bash', 'zsh', 'fish'],
};
