import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ID } from '../contract.ts'
import { ARCHIVE, type AskedForm, failureText, openConfirming, TRANSPORTS } from '../support/confirmation.ts'
import { readPage } from '../support/docs.ts'
import { send } from '../support/http.ts'
import { type Program, startProgram } from '../support/program.ts'

const RECEIVER = resolve('examples/second-approver.mjs')
const JSON_BODY = { 'content-type': 'application/json' }

const FORM: AskedForm = {
  message: 'Tool: archive-customer\nCustomer: "Acme"',
  requestedSchema: { properties: { confirmation: { title: 'Type Acme to archive it' } } },
}

/** What Claude Code 2.1.330 sends. */
function hookInput({ message, requestedSchema }: AskedForm): string {
  return JSON.stringify({
    session_id: 'ef7ca173-216d-496b-b534-0ea462614300',
    transcript_path: '/home/a/.claude/projects/x.jsonl',
    cwd: '/home/a',
    hook_event_name: 'Elicitation',
    mcp_server_name: 'metronome',
    message,
    mode: 'form',
    requested_schema: requestedSchema,
  })
}

/** The receiver of the example, with a person at its terminal. */
async function startReceiver() {
  const program = startProgram({ program: RECEIVER, args: ['0'] })
  await seeOnStdout(program, '/\n')
  /** Length of what was shown before the last line was typed. */
  let read = 0
  const [url = ''] = program.stdout().match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
  return {
    url,
    program,
    post: async (form: AskedForm) => {
      const { status, text } = await send(url, { path: '/', body: hookInput(form), headers: JSON_BODY })
      return status === 200 ? JSON.parse(text) : status
    },
    /** Types a line when the terminal has shown the text and waits for input. */
    async type(line: string, shown: string) {
      const isAsked = () => program.stdout().slice(read).includes(shown) && program.stdout().endsWith('> ')
      while (!isAsked()) await once(program.child.stdout, 'data')
      read = program.stdout().length
      program.child.stdin.write(`${line}\n`)
    },
  }
}

async function seeOnStdout(program: Program, text: string): Promise<void> {
  while (!program.stdout().includes(text)) await once(program.child.stdout, 'data')
}

describe('the receiver in examples/', () => {
  test('shows the form, and returns what the person types', async () => {
    const { post, type, program } = await startReceiver()
    const answer = post(FORM)
    await type(' Acme ', 'metronome asks:\nTool: archive-customer\nCustomer: "Acme"\nType Acme to archive it\n> ')
    expect(await answer).toEqual({
      hookSpecificOutput: { hookEventName: 'Elicitation', action: 'accept', content: { confirmation: 'Acme' } },
    })
    expect(program.stderr()).toBe('')
  })

  test('declines for an empty line', async () => {
    const { post, type } = await startReceiver()
    const answer = post(FORM)
    await type('', 'Type Acme')
    expect(await answer).toEqual({ hookSpecificOutput: { hookEventName: 'Elicitation', action: 'decline' } })
  })

  test('asks one form after the other', async () => {
    const { post, type, program } = await startReceiver()
    const other = { ...FORM, message: 'Customer: "Bolt"' }
    const first = post(FORM)
    await seeOnStdout(program, 'Type Acme')
    const answers = [first, post(other)]
    await type('one', 'Customer: "Acme"')
    await type('two', 'Customer: "Bolt"')
    expect(await Promise.all(answers)).toMatchObject([
      { hookSpecificOutput: { content: { confirmation: 'one' } } },
      { hookSpecificOutput: { content: { confirmation: 'two' } } },
    ])
  })

  test('withdraws a form whose hook has timed out, and asks the next one', async () => {
    const { url, post, type, program } = await startReceiver()
    const request = sendRequest(url, { method: 'POST', headers: JSON_BODY }).on('error', () => {})
    request.end(hookInput(FORM))
    await seeOnStdout(program, 'Type Acme')
    request.destroy()
    await seeOnStdout(program, 'Not answered: ')
    const answer = post({ ...FORM, message: 'Customer: "Bolt"' })
    await type('Bolt', 'Customer: "Bolt"')
    expect(await answer).toMatchObject({ hookSpecificOutput: { content: { confirmation: 'Bolt' } } })
  })

  test('shows no character that acts on the terminal', async () => {
    const { post, type, program } = await startReceiver()
    const answer = post({ ...FORM, message: 'a\u001b[2Jb\u009bc\u202ed' })
    await type('', 'a?[2Jb?c?d\n')
    await answer
    expect(program.stdout()).not.toMatch(/[^\P{C}\n]/u)
  })

  test.each<[string, object]>([
    ['another method', { method: 'GET', headers: JSON_BODY }],
    ['another type than JSON', { headers: { 'content-type': 'text/plain' } }],
    ['another Host', { headers: { ...JSON_BODY, host: 'attacker.example' } }],
  ])('rejects %s, as a page in a browser may send it', async (_, sent) => {
    const { url, program } = await startReceiver()
    const { status } = await send(url, { path: '/', body: hookInput(FORM), ...sent })
    expect(status).toBe(403)
    expect(program.stdout()).not.toContain('Acme')
  })

  test.each<[string, string]>([
    ['no JSON', 'x'],
    ['two fields', hookInput({ ...FORM, requestedSchema: { properties: { a: {}, b: {} } } as never })],
    ['a body that is too long', hookInput({ ...FORM, message: 'x'.repeat(100_001) })],
  ])('answers %s with an error, and asks nobody', async (_, body) => {
    const { url, program } = await startReceiver()
    expect((await send(url, { path: '/', body, headers: JSON_BODY })).status).toBe(400)
    expect(program.stdout()).not.toContain('asks:')
  })

  test('ends with its terminal: without a person nothing is answered', async () => {
    const { program } = await startReceiver()
    program.child.stdin.end()
    expect(await program.ended).toEqual({ code: 0, signal: null })
  })
})

test.each(TRANSPORTS)('a second person approves an archive of %s, or does not', async (_, archive) => {
  const metronome = openConfirming()
  const { post, type } = await startReceiver()
  const respond = async (form: AskedForm) => (await post(form)).hookSpecificOutput
  const declined = archive(metronome.start(), ARCHIVE, { id: ID }, respond)
  await type('', 'Acme Robotics')
  expect(failureText((await declined).response)).toContain('the form was declined')
  const approved = archive(metronome.start(), ARCHIVE, { id: ID }, respond)
  await type('acme robotics', 'Acme Robotics')
  expect((await approved).response.result).toMatchObject({ structuredContent: { data: { id: ID } } })
})

test('the hook in docs/safety.md sends the forms of this server to the port of the receiver, for as long as they count', () => {
  const [, sample = ''] =
    /```json\n(.*?)```/s.exec(readPage('docs/safety.md').split('## A second person')[1] ?? '') ?? []
  expect(JSON.parse(sample)).toEqual({
    hooks: {
      Elicitation: [{ matcher: 'metronome', hooks: [{ type: 'http', url: 'http://127.0.0.1:8787/', timeout: 300 }] }],
    },
  })
})
