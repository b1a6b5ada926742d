import { UserError } from "../../base/user_error.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";

const SHELLS: Readonly<Record<string, string>> = {
  bash: `_seeknal() {
  local IFS=$'\\n'
  COMPREPLY=($(seeknal __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _seeknal seeknal
`,
  zsh: `#compdef seeknal
_seeknal() {
  local -a candidates
  candidates=("\${(@f)$(seeknal __complete -- "\${words[@]:1:CURRENT-1}" 2>/dev/null)}")
  compadd -a candidates
}
compdef _seeknal seeknal
`,
  fish:
    `complete -c seeknal -f -a '(seeknal __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** `completions SHELL` */
export const COMPLETIONS: Command = {
  name: "completions",
  summary: "Print a completion script for bash, zsh or fish",
  arguments: [{ name: "SHELL", doc: "bash, zsh or fish", completes: Object.keys(SHELLS) }],
  options: [],
  examples: [
    'eval "$(seeknal completions bash)"',
    "seeknal completions fish > ~/.config/fish/completions/seeknal.fish",
  ],
  run: ({ args, terminal }) => {
    const shell = args[0]!;
    if (!Object.hasOwn(SHELLS, shell)) {
      throw new UserError(`Unknown shell "${shell}"`, {
        code: "unknown_shell",
        kind: "usage",
        hint: `use one of: ${Object.keys(SHELLS).join(", ")}`,
      });
    }
    terminal.out(SHELLS[shell]!);
    return Promise.resolve(EXIT_DONE);
  },
};
