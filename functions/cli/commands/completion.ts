import { Argument, type Command, type Option } from 'commander';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';

const shells = ['bash', 'zsh'] as const;
type Shell = (typeof shells)[number];

/** `alara completion`: a script that completes commands and options. The tree of commands is the only source. */
export function completion(program: Command): void {
  const command = program
    .command('completion')
    .description('Print a script that completes commands, options and values of a fixed set in a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells));
  help(withJson(command), {
    example: 'source <(alara completion bash)',
    notes: [
      'Add this line to ~/.bashrc. For zsh, write zsh instead of bash, and add the line to ~/.zshrc below "autoload -Uz compinit && compinit".',
      'Values that depend on the model family (findings, policies, variants) and lists (scopes) are not completed. A wrong value is refused with the known values or the nearest one.',
    ],
  }).action((shell: Shell, { json }: JsonOption) => {
    const script = completionScript(shell, program);
    show(json, { shell, script }, () => script);
  });
}

/** A command of the tree: its path, what may follow, and the words that each option accepts. */
type Node = {
  readonly path: string;
  readonly commands: readonly string[];
  readonly options: readonly string[];
  /** The choices of the first argument. */
  readonly choices: readonly string[];
  /** Options with a value, and their choices; without choices the value is a file or free text. */
  readonly values: readonly { readonly flags: readonly string[]; readonly choices: readonly string[] }[];
};

function nodesOf(command: Command, path = ''): Node[] {
  const options = command.createHelp().visibleOptions(command);
  const flags = ({ short, long }: Option) => [short, long].filter((flag) => flag !== undefined);
  const commands = command.commands.map((each) => each.name());
  return [
    {
      path,
      commands: path === '' ? [...commands, 'help'] : commands,
      options: options.flatMap(flags),
      choices: command.registeredArguments[0]?.argChoices ?? [],
      values: options
        .filter(({ required, optional }) => required || optional)
        .map((option) => ({ flags: flags(option), choices: option.argChoices ?? [] })),
    },
    ...command.commands.flatMap((each) => nodesOf(each, `${path} ${each.name()}`.trim())),
  ];
}

/**
 * The script for a shell. One function finds the command before the cursor and lists the possible words; bash and zsh differ only in how they
 * ask for the words. Names in the tree contain letters and dashes only, so no word needs quotes.
 */
export function completionScript(shell: Shell, program: Command): string {
  const name = program.name();
  const nodes = nodesOf(program);
  const words = nodes.map(
    ({ path, commands, choices, options }) =>
      `    '${path}') [[ $2 == -* ]] && echo '${options.join(' ')}' || echo '${[...commands, ...choices].join(' ')}' ;;`,
  );
  const values = nodes.flatMap(({ path, values }) =>
    values.map(({ flags, choices }) => {
      const patterns = flags.map((flag) => `'${path} ${flag}'`).join('|');
      return `    ${patterns}) echo '${choices.join(' ')}'; return 0 ;;`;
    }),
  );
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const shared = `# Completes ${name}. Written by: ${name} completion ${shell}
# The words that may follow: path of the command, word to complete.
_${name}_words() {
  case $1 in
${words.join('\n')}
  esac
}
# The values of an option: path of the command and option. Fails if the word before the cursor takes no value.
_${name}_values() {
  case $1 in
${values.join('\n')}
  esac
  return 1
}
# The path of the command in the words before the cursor.
_${name}_path() {
  local command='' word
  for word in "$@"; do
    case "\${command:+$command }$word" in
      ${paths.join('|')}) command="\${command:+$command }$word" ;;
    esac
  done
  echo "$command"
}
`;
  return shared + (shell === 'bash' ? bashPart(name) : zshPart(name));
}

const bashPart = (name: string) => `_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local command words
  command=$(_${name}_path "\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  words=$(_${name}_values "$command $before") || words=$(_${name}_words "$command" "$word")
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
# Without a word that fits, bash completes the names of files.
complete -o default -F _${name} ${name}
`;

const zshPart = (name: string) => `_${name}() {
  local word=\${words[CURRENT]} before=\${words[CURRENT-1]}
  local command found
  command=$(_${name}_path "\${(@)words[2,CURRENT-1]}")
  found=$(_${name}_values "$command $before") || found=$(_${name}_words "$command" "$word")
  if [[ -n $found ]]; then compadd -- \${=found}; else _files; fi
}
compdef _${name} ${name}
`;
