// Runs a billing scenario on the sandbox, through the built program and the MCP SDK's own client. Further options go to
// the program: `npm run demo -- --sandbox-faults lost-response`.
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const program = fileURLToPath(new URL('../bin/metronome-customers-mcp.js', import.meta.url))
const client = new Client({ name: 'demo', version: '1.0.0' })
const COLUMNS = 76

async function main() {
  const args = [program, '--sandbox', ...process.argv.slice(2)]
  await client.connect(new StdioClientTransport({ command: process.execPath, args }))
  write(`${client.getServerVersion()?.title}: no account, no key, no network.`)
  await showTools()
  const acme = await findByName()
  const bolt = await createWithStripe()
  await showAliasConflict(acme)
  await rename(bolt)
  await moveAlias(acme, bolt)
  await showConfigurations(bolt)
  await getDashboard(bolt)
  await archive(bolt)
  await loseResponses(acme)
  write('\nDone: every step had the expected result.')
}

async function showTools() {
  const { tools } = await client.listTools()
  write(`\nThe ${tools.length} tools`)
  for (const { name, annotations } of tools) write(`  ${annotations?.readOnlyHint ? 'reads ' : 'writes'}  ${name}`)
}

async function findByName() {
  step('Which customer is "ACME"?')
  const { data, _note } = await call('list-customers', { name_contains: 'ACME' })
  const [found] = data
  check(data.length === 1 && found.name === 'Acme Robotics', 'the name belongs to Acme Robotics')
  check(_note.includes('the search is complete'), 'every customer was searched')
  print(`${found.name}, customer ${found.id}`)
  print(`Aliases: ${found.ingest_aliases.join(', ')}`)
  return found
}

async function createWithStripe() {
  step('Create "Bolt Analytics", billed through Stripe')
  const { data: bolt } = await call('create-customer', {
    name: 'Bolt Analytics',
    ingest_aliases: ['bolt-prod'],
    customer_billing_provider_configurations: [
      {
        billing_provider: 'stripe',
        delivery_method: 'direct_to_billing_provider',
        configuration: { stripe_customer_id: 'cus_bolt', stripe_collection_method: 'charge_automatically' },
      },
    ],
  })
  check(bolt.name === 'Bolt Analytics' && bolt.ingest_aliases[0] === 'bolt-prod', 'the customer is as asked for')
  print(`Created customer ${bolt.id}`)
  return bolt
}

async function showAliasConflict(acme) {
  step('Create another customer with the alias "acme-prod"')
  const error = await expectError('create-customer', { name: 'Acme Again', ingest_aliases: ['acme-prod'] })
  check(error.includes('409') && error.includes(acme.id), 'the error is a 409 that names the holder')
  check(error.includes('not_applied'), 'the error says that nothing was written')
  print(`Rejected (409): the alias belongs to customer ${acme.id}.`)
  print('Nothing was created; the error says so: not_applied.')
}

async function rename(bolt) {
  step('Rename it')
  const { data } = await call('update-customer-name', { customer_id: bolt.id, name: 'Bolt Analytics Europe' })
  check(data.name === 'Bolt Analytics Europe', 'the new name is in place')
  print(`Now called ${data.name}`)
}

async function moveAlias(acme, bolt) {
  step('Move the alias "acme-prod" from Acme Robotics to it')
  const wanted = { customer_id: bolt.id, ingest_aliases: ['bolt-prod', 'acme-prod'] }
  const error = await expectError('create-update-customer-ingest-aliases', wanted)
  check(error.includes('409'), 'an alias cannot be taken from its holder')
  print('Rejected (409) while Acme Robotics has it.')
  const left = acme.ingest_aliases.filter((alias) => alias !== 'acme-prod')
  await call('create-update-customer-ingest-aliases', { customer_id: acme.id, ingest_aliases: left })
  await call('create-update-customer-ingest-aliases', wanted)
  const { data } = await call('list-customers', { ingest_alias: 'acme-prod' })
  check(data.length === 1 && data[0].id === bolt.id, 'the alias has moved')
  print(`Removed there first, then added here: ${data[0].ingest_aliases.join(', ')}`)
}

async function showConfigurations(bolt) {
  step('Where do its invoices go?')
  const { data } = await call('fetch-billing-provider-configurations-customer', { customer_id: bolt.id })
  const [stripe] = data
  check(data.length === 1 && stripe.billing_provider === 'stripe', 'there is one configuration, for Stripe')
  print(`To ${stripe.billing_provider}, customer ${stripe.configuration.stripe_customer_id}`)
  print(`Collected by ${stripe.configuration.stripe_collection_method}`)
}

async function getDashboard(bolt) {
  step('A link to its invoices')
  const { data } = await call('get-embeddable-customer-dashboard', { customer_id: bolt.id, dashboard: 'invoices' })
  const link = new URL(data.url)
  check(link.searchParams.has('token'), 'the link carries its own access')
  print(`${link.origin}${link.pathname}`)
  print('(its token is a secret and not shown here)')
}

async function archive(bolt) {
  step('Archive it')
  await call('archive-customer', { id: bolt.id })
  const active = await call('list-customers', { ingest_alias: 'bolt-prod' })
  const archived = await call('list-customers', { ingest_alias: 'bolt-prod', only_archived: true })
  check(active.data.length === 0 && archived.data[0]?.id === bolt.id, 'it is among the archived customers only')
  const { data } = await call('fetch-billing-provider-configurations-customer', { customer_id: bolt.id })
  check(data.length === 0, 'its billing is archived, too')
  print('Archived, with its Stripe configuration; this cannot be undone.')
  const error = await expectError('create-customer', { name: 'Bolt', ingest_aliases: ['bolt-prod'] })
  check(error.includes('409'), 'aliases of archived customers stay taken')
  print('Its aliases stay taken: "bolt-prod" is rejected (409) for a new customer.')
}

/** Another sandbox, which applies a write but never responds to it. */
async function loseResponses(acme) {
  step('Rename Acme Robotics while every response to the write is lost')
  const faulty = new Client({ name: 'demo', version: '1.0.0' })
  const args = [program, '--sandbox', '--sandbox-faults', 'lost-response:3']
  await faulty.connect(new StdioClientTransport({ command: process.execPath, args }))
  const rename = { name: 'update-customer-name', arguments: { customer_id: acme.id, name: 'Acme Europe' } }
  const onprogress = ({ message }) => wrap(message).forEach(print)
  const { isError, structuredContent } = await faulty.callTool(rename, undefined, { onprogress })
  await faulty.close()
  check(!isError && structuredContent._note.includes('Outcome: applied'), 'the write is verified as applied')
  wrap(structuredContent._note).forEach(print)
}

function wrap(text) {
  const lines = ['']
  for (const word of text.split(/\s+/))
    if (lines.at(-1).length + word.length < COLUMNS) lines.push(`${lines.pop()} ${word}`.trim())
    else lines.push(word)
  return lines
}

async function call(name, args) {
  const { isError, content, structuredContent } = await client.callTool({ name, arguments: args })
  check(!isError, `${name} works, but it said: ${content[0]?.text}`)
  return structuredContent
}

/** The message of a call that must fail. */
async function expectError(name, args) {
  const { isError, content } = await client.callTool({ name, arguments: args })
  check(isError, `${name} fails, but it succeeded`)
  return content[0].text
}

function check(holds, expectation) {
  if (!holds) throw new Error(`expected that ${expectation}`)
}

let steps = 0
function step(question) {
  steps += 1
  write(`\n${steps}. ${question}`)
}

const print = (line) => write(`   ${line}`)
const write = (line) => process.stdout.write(`${line}\n`)

try {
  await main()
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error.message}\n`)
  process.exitCode = 1
} finally {
  await client.close()
}
