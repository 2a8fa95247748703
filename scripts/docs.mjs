// Writes the generated parts of README.md, GEMINI.md and docs/: `npm run docs`; with --check it only reports what is stale.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { countListTokens } from '../bench/tokens.mjs'
import { importSource } from './import-source.mjs'

const { operations } = await importSource('src/operations/index.ts')
const { CLIENTS } = await importSource('src/cli/print-config/clients.ts')
const { printConfig } = await importSource('src/cli/print-config/command.ts')
const { IS_PUBLISHED, startWords, writeSetUp, writeStart, writeWithNpm } = await importSource('scripts/set-up.ts')
const { VARIABLES } = await importSource('src/cli/config/options.ts')
const { buildToolList } = await importSource('src/mcp/tool-list.ts')
const { describeServer } = await importSource('src/mcp/server-info.ts')
const { openApiSchema } = await importSource('src/operations/json-schema.ts')

const PROGRAM = resolve('bin/metronome-customers-mcp.js')
// Started through this link, the program calls itself as the pages do.
const linkFolder = mkdtempSync(join(tmpdir(), 'docs-'))
const LINK = join(linkFolder, 'metronome-customers-mcp')
symlinkSync(PROGRAM, LINK)
process.on('exit', () => rmSync(linkFolder, { recursive: true }))
const PAGES = [
  'README.md',
  'GEMINI.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

const isReversibleWrite = ({ kind, irreversible }) => kind === 'write' && !irreversible

const TOOL_GROUPS = {
  reads: ({ kind }) => kind === 'read',
  customers: (op) => isReversibleWrite(op) && op.subject === 'Customers',
  configurations: (op) => isReversibleWrite(op) && op.subject !== 'Customers',
  irreversible: ({ irreversible }) => irreversible !== undefined,
}

/** The text between `<!-- generated: NAME -->` and `<!-- end -->`, by the first word of NAME. */
const GENERATORS = {
  'set-up': () => writeSetUp(IS_PUBLISHED, writeConfig, writeLinks),
  start: () => writeStart(IS_PUBLISHED),
  'with-npm': () => writeWithNpm(IS_PUBLISHED, writeLinks),
  config: (...flags) => fence(flags[0] === 'codex' ? 'toml' : 'json', writeConfig(...flags)),
  environments: writeEnvironments,
  'tool-table': writeToolTable,
  'tool-pages': () => operations.map(writeToolPage).join('\n\n'),
  clients: () => Object.entries(CLIENTS).map(writeClient).join('\n\n'),
  instructions: () =>
    describeServer()
      .instructions.split('\n')
      .map((line) => `- ${line}`)
      .join('\n'),
  variables: writeVariables,
  sizes: writeSizes,
  help: (...words) => fence('text', runProgram(...words, '--help')),
}

const stale = PAGES.filter((page) => {
  const before = readFileSync(page, 'utf8')
  const generated = before.replace(
    /(<!-- generated: ([^\n]+?) -->\n).*?(<!-- end -->)/gs,
    (_, start, name, end) => `${start}${generate(name)}\n${end}`,
  )
  const after = generated === before ? before : format(page, generated)
  if (after !== before && !process.argv.includes('--check')) writeFileSync(page, after)
  return after !== before
})
if (stale.length > 0) console.error(`${process.argv.includes('--check') ? 'stale' : 'written'}: ${stale.join(', ')}`)
if (process.argv.includes('--check') && stale.length > 0) process.exitCode = 1

/** The formatter lays out tables and samples, so that generated parts equal the page. */
function format(page, text) {
  const flags = ['format', `--stdin-file-path=${page}`]
  return execFileSync('node_modules/.bin/biome', flags, { encoding: 'utf8', input: text })
}

function generate(name) {
  const [generator, ...words] = name.split(' ')
  if (!GENERATORS[generator]) throw new Error(`no generator is called ${generator}`)
  return GENERATORS[generator](...words)
}

function runProgram(...args) {
  const { PATH, HOME } = process.env
  return execFileSync(process.execPath, [LINK, ...args], { encoding: 'utf8', stdio: 'pipe', env: { PATH, HOME } })
}

/** What print-config prints for a user who has a clone, or who has npx. */
function writeConfig(...argv) {
  const printed = []
  const [command, file] = startWords(IS_PUBLISHED)
  const program = { file, isClone: command === 'node', invocation: 'metronome-customers-mcp' }
  const machine = { environment: {}, platform: 'linux', home: '~', cwd: '.', program }
  // It prints at once; the promise has the exit code.
  void printConfig(argv, { ...machine, stdout: (text) => printed.push(text), stderr: () => {} })
  return printed.join('')
}

function writeLinks(...flags) {
  return Object.entries(CLIENTS)
    .filter(([, { installLink }]) => installLink)
    .map(([id, { title }]) => `[${title}](${writeConfig(id, '--link', '--npx', ...flags).trim()})`)
    .join(' · ')
}

function writeEnvironments() {
  const [command, ...args] = startWords(IS_PUBLISHED)
  const entry = (...options) => ({
    command,
    args: [...args, ...options],
    env: { METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY' },
  })
  const mcpServers = {
    metronome: entry('--read-only', '--environment', 'production'),
    'metro-stg': entry('--environment', 'staging'),
  }
  return fence('json', JSON.stringify({ mcpServers }, null, 2))
}

function writeClient([id, { title, format, notes, addCommand, files }]) {
  const paths = [...(files.settings ?? []), ...(files.home ?? []).map((path) => `~/${path}`), ...(files.project ?? [])]
  return [
    `## ${title}`,
    ...(notes ? [notes] : []),
    ...(addCommand ? [fence('sh', writeConfig(id))] : []),
    `${addCommand ? 'Or merge this' : 'Merge this'} into ${paths.map((path) => `\`${path}\``).join(' or ')}:`,
    fence(format, writeConfig(id, '--file')),
  ].join('\n\n')
}

function writeVariables() {
  const rows = Object.entries(VARIABLES).map(([name, { description, default: fallback, min, max }]) => {
    const range = min === undefined ? '' : `, ${min} to ${max}`
    return `| \`${name}\` | ${fallback === undefined ? '' : `\`${fallback}\``} | ${description}${range} |`
  })
  return ['| Variable | Default | Description |', '| --- | --- | --- |', ...rows].join('\n')
}

function writeSizes() {
  const limits = JSON.parse(readFileSync('bench/budgets.json', 'utf8'))
  const { modelTokens, responseTokens } = countListTokens(buildToolList())
  const count = (value) => value.toLocaleString('en')
  return [
    '| Figure | Now | At most |',
    '| --- | --- | --- |',
    `| tools/list tokens (o200k): names, descriptions, input schemas | ${count(modelTokens)} | ${count(limits.modelTokens)} |`,
    `| tools/list tokens, everything | ${count(responseTokens)} | ${count(limits.responseTokens)} |`,
    `| tarball, packed | | ${limits.tarballBytes / 1000} kB |`,
  ].join('\n')
}

function writeToolTable(group) {
  const rows = operations.filter(TOOL_GROUPS[group]).map(({ tool, description }) => {
    const [sentence] = description.match(/^.*?[.;](?=\s|$)/) ?? [description]
    return `| \`${tool}\` | ${sentence.replace(/^Irreversible: a/, 'A').replace(/;$/, '.')} |`
  })
  return ['| Tool | Description |', '| --- | --- |', ...rows].join('\n')
}

function writeToolPage({ tool: name, title, description, method, path, kind, input, example }) {
  return [
    `## ${name}`,
    `${title}. ${kind === 'read' ? 'Reads' : 'Writes'}; \`${method} ${path}\`.`,
    description,
    writeFields(openApiSchema(input, 'input')),
    fence('json', JSON.stringify({ name, arguments: example.input }, null, 2)),
    `returns`,
    fence('json', JSON.stringify(example.output, null, 2)),
  ].join('\n\n')
}

function writeFields(schema) {
  return ['| Argument | Type | Required | Description |', '| --- | --- | --- | --- |', ...writeRows(schema, '')].join(
    '\n',
  )
}

/** A row for each field, followed by the rows of its own fields under their whole path. */
function writeRows({ properties = {}, required = [] }, prefix) {
  return Object.entries(properties).flatMap(([field, schema]) => {
    const path = prefix + field
    const need = required.includes(field) ? 'required' : ''
    const row = `| \`${path}\` | ${writeType(schema)} | ${need} | ${(schema.description ?? '').replaceAll('|', '\\|')} |`
    return [row, ...writeRows(schema, `${path}.`), ...writeRows(schema.items ?? {}, `${path}[].`)]
  })
}

function writeType({ type, items, enum: values, minimum, maximum, maxItems, minLength, maxLength }) {
  if (values) return values.map((value) => `\`${value}\``).join(', ')
  const plain = [type].flat().join(' or ')
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum}-${maximum}` : ''
  const most = maxItems === undefined ? '' : `, at most ${maxItems}`
  const length = maxLength === undefined ? '' : `, ${minLength ?? 0}-${maxLength} characters`
  return `${items ? `array of ${[items.type].flat().join(' or ')}` : plain}${range}${most}${length}`
}

function fence(language, text) {
  return `\`\`\`${language}\n${text.trim()}\n\`\`\``
}
