// How the documentation starts the program.

/** Whether the package is on npm. At the first release, set it to `true` and run `npm run docs`: that is all. */
export const IS_PUBLISHED: boolean = false

const NAME = 'metronome-customers-mcp'
const REPOSITORY = `https://github.com/${NAME}/${NAME}`
/** Stands for the path of a clone. */
const CLONE = `/path/to/${NAME}`

/** What a client starts, in samples. */
export const startWords = (isPublished: boolean): string[] =>
  isPublished ? ['npx', '-y', NAME] : ['node', `${CLONE}/bin/${NAME}.js`]

/** Prints a configuration, or links that install one. */
type Print = (...words: string[]) => string

/** The part "Set up" of the README. */
export function writeSetUp(isPublished: boolean, printConfig: Print, links: Print): string {
  const npx = writeNpx(isPublished, printConfig, links)
  return isPublished
    ? `${npx}\n\n### From a clone\n\n${writeClone()}`
    : `${writeClone()}\n\n### Once published\n\n${npx}`
}

function writeClone(): string {
  return `\`\`\`sh
git clone ${REPOSITORY}.git && cd ${NAME}
npm ci && npm run build
node bin/${NAME}.js print-config claude-code --sandbox | sh
\`\`\`

The last line adds the server to Claude Code, on the sandbox: no account, no key. \`codex\` and
\`gemini\` work the same way. For [other clients](docs/clients.md), such as \`claude-desktop\`,
\`cursor\` and \`vscode\`, leave out \`| sh\` and merge what is printed into the file that it names.
Then ask, here or in a session:

\`\`\`sh
claude -p "Who sends usage as acme-prod?" --allowedTools mcp__metronome
\`\`\`

With your account, print it with \`--read-only\` in place of \`--sandbox\`, and put your key where the
placeholder is. If something is wrong, \`node bin/${NAME}.js doctor\` finds the cause.`
}

function writeNpx(isPublished: boolean, printConfig: Print, links: Print): string {
  const warning = `**Not before that:** until the package is on npm, anybody can take its name, and would get the key
beside it. Afterwards nothing has to be built.

`
  return `${isPublished ? '' : warning}Put this into \`claude_desktop_config.json\` (Settings, Developer, Edit Config) or
\`~/.cursor/mcp.json\`, with your key, and restart the client:

\`\`\`json
${printConfig('cursor', '--npx', '--read-only').trim()}
\`\`\`

**Without an account**, use \`"--sandbox"\` in \`args\` instead of a key. On Windows write
\`"command": "cmd"\` and \`"args": ["/c", "npx", "-y", "${NAME}"]\`. Or with one click,
with a placeholder or a prompt for the key:
${links()}`
}

/** The sentence with which docs/configuration.md begins. */
export function writeStart(isPublished: boolean): string {
  const clone = `in a clone,
\`npm run build && npm link\` puts that name into PATH, and \`node bin/${NAME}.js\`
works without that`
  const npm = `
\`npm install --global ${NAME}\` puts that name into PATH, and
\`npx -y ${NAME}\` works without that;`
  return `**The pages start the program as \`${NAME}\`**:${isPublished ? npm : ''} ${clone}.`
}

/** The end of docs/clients.md: what works with the package on npm only. */
export function writeWithNpm(isPublished: boolean, links: Print): string {
  return `## ${isPublished ? 'Install links' : 'Once published'}

On the sandbox, with one click: ${links('--sandbox')}

With a placeholder or a prompt for the key: ${links()}

This writes the configuration of more than twenty clients:

\`\`\`sh
npx add-mcp ${NAME} -g --name metronome --env METRONOME_API_KEY=YOUR_METRONOME_API_KEY
\`\`\``
}
