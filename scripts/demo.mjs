// A billing scenario on the sandbox, through the built program and the MCP SDK's own client: npm run demo [-- --help]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'

const HELP = `Usage: npm run demo [-- options]

Builds the program and runs a billing scenario on its sandbox: no account, no
API key, no network.

  --no-build  run the program as it was built before
  -h, --help  print this help

Colors are used on a terminal, and not with NO_COLOR.
`
const OPTIONS = {
  'no-build': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
}
const PROGRAM = fileURLToPath(new URL('../bin/metronome-customers-mcp.js', import.meta.url))
const COLUMNS = 80
const INDENT = '   '
const hasColor = process.env.FORCE_COLOR ? true : Boolean(process.stdout.isTTY) && !process.env.NO_COLOR

async function main() {
  const options = readOptions()
  if (options === undefined) return
  if (!options['no-build']) await build()
  await withSandbox(['--sandbox-faults', 'lost-response:3'], loseResponses)
  await withSandbox([], runScenario)
  write(`\n${paint('green', 'Done: every step had the expected result.')}`)
  showConfiguration()
}

/** `undefined` when there is nothing to run. */
function readOptions() {
  try {
    const { values } = parseArgs({ options: OPTIONS, strict: true })
    if (!values.help) return values
    process.stdout.write(HELP)
  } catch (error) {
    process.stderr.write(`demo: ${error.message.split('. ')[0]}; see npm run demo -- --help\n`)
    process.exitCode = 2
  }
  return undefined
}

async function build() {
  process.stdout.write('Building the program ')
  const startedAt = performance.now()
  const dots = setInterval(() => process.stdout.write('.'), 500)
  const tsup = fileURLToPath(new URL('../node_modules/tsup/dist/cli-default.js', import.meta.url))
  const child = spawn(process.execPath, [tsup, '--silent'], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'close')
  clearInterval(dots)
  if (code !== 0) throw new Error('the build failed; after npm ci it has all it needs')
  write(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

let client

/** Starts the program on a sandbox of its own, and connects the SDK's client to it. */
async function withSandbox(args, run) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js')
  const { ProgressNotificationSchema } = await import('@modelcontextprotocol/sdk/types.js')
  client = new Client({ name: 'demo', version: '1.0.0' })
  // The client's own `onprogress` loses a notification that arrives together with the result.
  client.setNotificationHandler(ProgressNotificationSchema, ({ params }) => {
    for (const line of wrap(params.message)) print(paint('yellow', line))
  })
  try {
    // The outcome of each write is shown; its event need not be.
    const start = { command: process.execPath, args: [PROGRAM, '--sandbox', ...args], env: { METRONOME_LOG: 'error' } }
    await client.connect(new StdioClientTransport(start))
    await run()
  } finally {
    await client.close()
  }
}

/** On a sandbox that applies a write and never responds to it. */
async function loseResponses() {
  const { tools } = await client.listTools()
  const readers = tools.filter(({ annotations }) => annotations?.readOnlyHint).length
  write(`${client.getServerVersion()?.title}: no account, no key, no network.`)
  write(`${tools.length} tools: ${readers} read, ${tools.length - readers} write.`)
  step('Create a customer while every response is lost: does it exist?')
  const { data, _note } = await call('create-customer', { name: 'Bolt Analytics', ingest_aliases: ['bolt-prod'] })
  check(_note.startsWith('Outcome: applied.'), 'the write is verified as applied')
  const { data: found } = await call('list-customers', { ingest_alias: 'bolt-prod' })
  check(found.length === 1 && found[0].id === data.id, 'the customer was created once')
  print('It exists, and it was created once.')
  await finishUnknown()
}

/** Nothing shows whether a customer without an alias was created; its key finishes the call all the same. */
async function finishUnknown() {
  step('Create one without an alias, and finish it under its key')
  const error = await expectError('create-customer', { name: 'Nova Freight' })
  check(error.endsWith('Outcome: unknown'), 'the outcome is unknown')
  const [advice, key] = /To finish it safely.*"idempotency_key": "([^"]+)".*?once\./.exec(error) ?? ['']
  for (const line of [...wrap(advice), 'Outcome: unknown']) print(paint('yellow', line))
  await call('create-customer', { name: 'Nova Freight', idempotency_key: key })
  const { data } = await call('list-customers', { search: 'Nova Freight' })
  check(data.length === 1, 'the customer was created once')
  print('It was created once.')
}

async function runScenario() {
  const acme = await findByName()
  const bolt = await createWithStripe()
  await showAliasConflict(acme)
  await moveAlias(acme, bolt)
  await archive()
}

async function findByName() {
  step('Which customer is "ACME"?')
  const { data, _note } = await call('list-customers', { search: 'ACME' })
  const [found] = data
  check(data.length === 1 && found.name === 'Acme Robotics', 'the name belongs to Acme Robotics')
  check(/; all \d+ active customers were read/.test(_note), 'every active customer was searched')
  print(`${found.name}, customer ${found.id}`)
  print(`Aliases: ${found.ingest_aliases.join(', ')}`)
  return found
}

const withStripe = (name, alias, customer) => ({
  name,
  ingest_aliases: [alias],
  customer_billing_provider_configurations: [
    {
      billing_provider: 'stripe',
      delivery_method: 'direct_to_billing_provider',
      configuration: { stripe_customer_id: customer, stripe_collection_method: 'charge_automatically' },
    },
  ],
})

async function createWithStripe() {
  step('Create "Bolt Analytics", billed through Stripe')
  const { data: bolt } = await call('create-customer', withStripe('Bolt Analytics', 'bolt-prod', 'cus_bolt'))
  check(bolt.name === 'Bolt Analytics' && bolt.ingest_aliases[0] === 'bolt-prod', 'the customer is as requested')
  const [stripe] = await fetchConfigurations({ customer_id: bolt.id })
  check(stripe.archived_at === null, 'its configuration is active')
  print(`Its invoices go to ${stripe.billing_provider}, customer ${stripe.configuration.stripe_customer_id}`)
  return bolt
}

async function fetchConfigurations(args) {
  const { data } = await call('fetch-billing-provider-configurations-customer', args)
  check(data.length === 1 && data[0].billing_provider === 'stripe', 'there is one configuration, for Stripe')
  return data
}

async function showAliasConflict(acme) {
  step('Create another customer with the alias "acme-prod"')
  const error = await expectError('create-customer', { name: 'Acme Again', ingest_aliases: ['acme-prod'] })
  check(error.includes('409') && error.includes(acme.id), 'the error is a 409 that names the holder')
  print(paint('yellow', `Rejected (409): customer ${acme.id} has the alias.`))
  print(paint('yellow', error.split('\n').at(-1)))
}

async function moveAlias(acme, bolt) {
  step('Move the alias "acme-prod" from Acme Robotics to Bolt Analytics')
  const left = acme.ingest_aliases.filter((alias) => alias !== 'acme-prod')
  await call('create-update-customer-ingest-aliases', { customer_id: acme.id, ingest_aliases: left })
  const wanted = { customer_id: bolt.id, ingest_aliases: ['bolt-prod', 'acme-prod'] }
  await call('create-update-customer-ingest-aliases', wanted)
  const { data } = await call('list-customers', { ingest_alias: 'acme-prod' })
  check(data.length === 1 && data[0].id === bolt.id, 'the alias has moved')
  print(`${data[0].name} has it: ${data[0].ingest_aliases.join(', ')}`)
}

async function archive() {
  step('Archive a customer that was created for a test')
  const { data: trial } = await call('create-customer', withStripe('Bolt Test', 'bolt-test', 'cus_test'))
  await call('archive-customer', { id: trial.id })
  const { data } = await call('list-customers', { ingest_alias: 'bolt-test', only_archived: true })
  check(data[0]?.id === trial.id, 'it is among the archived customers')
  const [stripe] = await fetchConfigurations({ customer_id: trial.id, include_archived: true })
  check(stripe.archived_at !== null, 'its configuration is archived')
  print('Archived, and its Stripe configuration with it; this cannot be undone.')
}

function showConfiguration() {
  const entry = { command: 'node', args: [PROGRAM, '--sandbox'] }
  write('\nTo try it in Claude Desktop or Cursor, paste this into its configuration:\n')
  write(JSON.stringify({ mcpServers: { metronome: entry } }, null, 2))
  write('\nWith a real account, put an API key into "env" and start with "--read-only"')
  write('in the place of "--sandbox".')
}

/** Shows the call, its progress and what a verified write reports; returns the structured content. */
async function call(name, args) {
  const { isError, content, structuredContent } = await callTool(name, args)
  check(!isError, `${name} works, but it said: ${content[0]?.text}`)
  const [, outcome, evidence] = /^(Outcome: \w+)\. (.*)/s.exec(structuredContent._note ?? '') ?? []
  if (outcome) {
    for (const line of wrap(evidence)) print(line)
    print(paint('green', outcome))
  }
  return structuredContent
}

/** The message of a call that must fail. */
async function expectError(name, args) {
  const { isError, content } = await callTool(name, args)
  check(isError, `${name} fails, but it succeeded`)
  return content[0].text
}

function callTool(name, args) {
  // An id is known by its first digits; a line may break after a comma.
  const shown = JSON.stringify(args).replace(/([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '$1…')
  const [first, ...further] = wrap(`${name} ${shown}`)
  for (const line of [first, ...further.map((line) => `  ${line}`)]) print(paint('cyan', line))
  return client.callTool({ name, arguments: args, _meta: { progressToken: 'demo' } })
}

/** Lines that break after a space, or between two fields of JSON. */
function wrap(text) {
  const lines = ['']
  for (const part of text.split(/(?<= |,(?="))/))
    if ((lines.at(-1) + part).trimEnd().length <= COLUMNS - INDENT.length - 2) lines.push(lines.pop() + part)
    else lines.push(part)
  return lines.map((line) => line.trimEnd())
}

function check(holds, expectation) {
  if (!holds) throw new Error(`expected that ${expectation}`)
}

let steps = 0
function step(title) {
  steps += 1
  write(`\n${paint('bold', `${steps}. ${title}`)}`)
}

function paint(format, text) {
  return hasColor ? styleText(format, text, { validateStream: false }) : text
}

const print = (line) => write(`${INDENT}${line}`)
const write = (line) => process.stdout.write(`${line}\n`)

// The reader of a pipe may leave first.
process.stdout.on('error', () => process.exit())
try {
  await main()
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error.message}\n`)
  process.exitCode = 1
}
