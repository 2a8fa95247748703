// Four agents, driven by a fake model, make a real tool call on the sandbox and see all tools; then each tries to archive a
// customer where a person has to confirm it, and nobody is there: `npm run e2e:agents`. Last, a hook answers Claude Code's form.
// Needs Linux on x64 and 1.7 GB for the agents, which are installed on demand; `-- claude codex` runs only some.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { importSource } from '../import-source.mjs'
import { startFakeModel } from './fake-model.mjs'
import { installTarball } from './tarball.mjs'
import { installTool } from './tool.mjs'

const { operations } = await importSource('src/operations/index.ts')

const PROMPT = 'Who sends usage as acme-prod?'
const CUSTOMER = 'Acme Robotics'
const READ = { name: 'list-customers', arguments: { ingest_alias: 'acme-prod' } }
const ARCHIVE = { name: 'archive-customer', arguments: { id: 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc' } }
/** What each agent returns for a form that nobody fills in. */
const UNCONFIRMED = {
  claude: /the form was cancelled/,
  codex: /the form was declined/,
  gemini: /a form, which this client does not support/,
  opencode: /a form, which this client does not support/,
}
const MAX_RUN_MS = 120_000
/** How long the second person takes. */
const PERSON_MS = 1_500

/** Each writes its configuration into a new home folder and says how it is run there. */
const AGENTS = {
  claude: ({ home, url, launch }) => {
    const servers = { mcpServers: { metronome: launch } }
    const file = write(home, 'mcp.json', servers)
    return {
      command: installTool('@anthropic-ai/claude-code-linux-x64', './claude'),
      args: ['-p', PROMPT, '--strict-mcp-config', '--mcp-config', file, '--allowedTools', 'mcp__metronome'],
      env: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_API_KEY: 'fake',
        // Otherwise the model gets the names of tools only when it searches for them.
        ENABLE_TOOL_SEARCH: 'false',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
      },
      prefix: 'mcp__metronome__',
    }
  },
  codex: ({ home, url, launch }) => {
    write(
      home,
      '.codex/config.toml',
      [
        'model = "fake"',
        'model_provider = "fake"',
        '[model_providers.fake]',
        'name = "fake"',
        `base_url = "${url}/v1"`,
        'wire_api = "responses"',
        '[mcp_servers.metronome]',
        `command = ${JSON.stringify(launch.command)}`,
        `args = ${JSON.stringify(launch.args)}`,
        '',
      ].join('\n'),
    )
    return {
      command: installTool('@openai/codex', 'codex'),
      // Without it, Codex itself rejects tools that write.
      args: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', PROMPT],
      env: {},
      prefix: '',
      // Codex writes an underscore for every dash.
      spell: (name) => name.replaceAll('-', '_'),
    }
  },
  gemini: ({ home, url, launch }) => {
    write(home, '.gemini/settings.json', {
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      mcpServers: { metronome: { ...launch, trust: true } },
    })
    write(home, '.gemini/trustedFolders.json', { [home]: 'TRUST_FOLDER' })
    return {
      command: installTool('@google/gemini-cli', 'gemini'),
      args: ['-p', PROMPT, '--approval-mode', 'yolo', '-m', 'gemini-2.5-flash'],
      env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'fake' },
      prefix: 'mcp_metronome_',
    }
  },
  opencode: ({ home, url, launch }) => {
    write(home, '.config/opencode/opencode.json', {
      provider: {
        fake: { npm: '@ai-sdk/anthropic', options: { baseURL: `${url}/v1`, apiKey: 'fake' }, models: { fake: {} } },
      },
      mcp: { metronome: { type: 'local', command: [launch.command, ...launch.args], enabled: true } },
      autoupdate: false,
      share: 'disabled',
    })
    return {
      command: installTool('opencode-linux-x64', 'bin/opencode'),
      args: ['run', '--model', 'fake/fake', PROMPT],
      env: { OPENCODE_DISABLE_MODELS_FETCH: '1' },
      prefix: 'metronome_',
    }
  },
}

const chosen = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'e2e-agents-'))
try {
  const program = installTarball(folder)
  for (const [name, prepare] of Object.entries(AGENTS))
    if (chosen.length === 0 || chosen.includes(name)) {
      await runRead(name, prepare, program)
      await runArchive(name, prepare, program)
      if (name === 'claude') await runHook(prepare, program)
    }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function runRead(name, prepare, program) {
  const launch = { command: program, args: ['--sandbox'] }
  const { model, output, prefix, spell = (tool) => tool } = await runAgent(name, prepare, launch, READ)
  const missing = operations.filter(({ tool }) => !model.toolNames.has(`${prefix}${spell(tool)}`))
  report(`${name}: ${operations.length} tools, one call`, output, [
    ...(missing.length > 0 ? [`missing: ${missing.map(({ tool }) => tool).join(', ')}`] : []),
    ...(model.results.some((result) => result.includes(CUSTOMER)) ? [] : ['the tool call returned no customer']),
  ])
}

/** Every line of the audit log is about a call that sent nothing. */
async function runArchive(name, prepare, program) {
  const log = join(folder, `${name}.jsonl`)
  const launch = { command: program, args: ['--sandbox', '--confirm-archives', '--audit-log', log] }
  const { model, output } = await runAgent(`${name}-archive`, prepare, launch, ARCHIVE)
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const written = lines.map((line) => JSON.parse(line)).filter(({ phase }) => phase !== 'single')
  report(`${name}: nothing is archived without a person`, output, [
    ...(written.length > 0 ? ['a write was sent'] : []),
    ...(model.results.some((result) => UNCONFIRMED[name].test(result)) ? [] : [`results: ${model.results.join(' ')}`]),
  ])
}

/** The hook of docs/safety.md asks a second person: the archive is sent, and the audit log says after how long. */
async function runHook(prepare, program) {
  const log = join(folder, 'hook.jsonl')
  const launch = { command: program, args: ['--sandbox', '--confirm-archives', '--audit-log', log] }
  const approver = await startApprover(CUSTOMER)
  const prepareWithHook = (context) => {
    write(context.home, '.claude/settings.json', readHook(approver.url))
    return prepare(context)
  }
  const { output } = await runAgent('claude-hook', prepareWithHook, launch, ARCHIVE)
  approver.stop()
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const { outcome, confirmation } = JSON.parse(lines.at(-1))
  const isRecorded = outcome === 'applied' && confirmation?.result === 'accepted' && confirmation.ms >= approver.ms()
  report(`claude: a hook answers the form, after ${confirmation?.ms} ms by the audit log`, output, [
    ...(isRecorded ? [] : [`the person took ${approver.ms()} ms; the audit log: ${lines.join('\n')}`]),
  ])
}

function readHook(url) {
  const [, section] = readFileSync('docs/safety.md', 'utf8').split('## A second person approves')
  const [, sample] = /```json\n(.*?)```/s.exec(section)
  return sample.replace(/http:[^"]+/, url)
}

/** The receiver of examples/, at whose terminal a person types the text. */
async function startApprover(text) {
  const child = spawn(process.execPath, ['examples/second-approver.mjs', '0'], { stdio: ['pipe', 'pipe', 'inherit'] })
  let shown = ''
  let askedAt
  let typedAt
  child.stdout.on('data', (chunk) => {
    shown += chunk
    if (askedAt !== undefined || !shown.endsWith('> ')) return
    askedAt = Date.now()
    setTimeout(() => {
      typedAt = Date.now()
      child.stdin.write(`${text}\n`)
    }, PERSON_MS)
  })
  while (!shown.includes('/\n')) await once(child.stdout, 'data')
  return { url: /http:\S+/.exec(shown)[0], ms: () => typedAt - askedAt, stop: () => child.kill() }
}

async function runAgent(name, prepare, launch, call) {
  const home = join(folder, name)
  mkdirSync(home)
  const model = await startFakeModel(call)
  try {
    const { command, args, env, ...names } = prepare({ home, url: model.url, launch })
    return { model, output: await run(command, args, home, env), ...names }
  } finally {
    model.stop()
  }
}

function report(what, output, problems) {
  console.log(`${problems.length === 0 ? 'ok   ' : 'fail '} ${what}`)
  if (problems.length === 0) return
  console.log(`${problems.join('\n')}\n${output}`)
  process.exitCode = 1
}

/** In a home of its own, so that no configuration and no account of the person is touched. */
async function run(command, args, home, env) {
  const { PATH } = process.env
  const child = spawn(command, args, {
    cwd: home,
    env: { PATH, HOME: home, TERM: 'dumb', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MAX_RUN_MS,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const [code] = await once(child, 'close')
  return `${output}\n(exit ${code})`
}

function write(home, path, content) {
  const file = join(home, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}
