// Writes the generated parts of README.md and docs/: `npm run docs`; with --check it only says what is stale.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { operations } from '../dist/index.js'

const PROGRAM = 'bin/metronome-customers-mcp.js'
const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]
const LINKED = { cursor: 'Cursor', vscode: 'VS Code', 'lm-studio': 'LM Studio', kiro: 'Kiro' }

/** What stands between `<!-- generated: NAME -->` and `<!-- end -->`, by the first word of NAME. */
const GENERATORS = {
  links: () =>
    Object.entries(LINKED)
      .map(([id, title]) => `[${title}](${runProgram('print-config', id, '--link').trim()})`)
      .join(' · '),
  config: (...flags) => fence(flags[0] === 'codex' ? 'toml' : 'json', runProgram('print-config', ...flags)),
  'tool-table': writeToolTable,
  'tool-pages': () => operations.map(writeToolPage).join('\n\n'),
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

/** The formatter lays out tables and samples; what it makes of fresh parts equals the page. */
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
  return execFileSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', stdio: 'pipe', env: { PATH, HOME } })
}

function writeToolTable() {
  const rows = operations.map(({ name, description, hints }) => {
    const [sentence] = description.match(/^.*?[.;](?=\s|$)/) ?? [description]
    return `| [\`${name}\`](docs/tools.md#${name}) | ${hints.readOnly ? 'reads' : 'writes'} | ${sentence.replace(/;$/, '.')} |`
  })
  return ['| Tool | | What it does |', '| --- | --- | --- |', ...rows].join('\n')
}

function writeToolPage({ name, title, description, method, path, hints, inputSchema, example }) {
  const answer = JSON.stringify(example.output, null, 2)
  return [
    `## ${name}`,
    `${title}. ${hints.readOnly ? 'Reads' : 'Writes'}; \`${method} ${path}\`.`,
    description,
    writeFields(inputSchema),
    fence('json', JSON.stringify({ name, arguments: example.input }, null, 2)),
    `answers`,
    fence('json', answer),
  ].join('\n\n')
}

function writeFields(inputSchema) {
  return ['| Argument | Type | | |', '| --- | --- | --- | --- |', ...writeRows(inputSchema, '')].join('\n')
}

/** A row for each field, and after it the rows of what it holds, under their whole path. */
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
