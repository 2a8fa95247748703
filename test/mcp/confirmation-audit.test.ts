import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuditLog } from '../../src/calls/guards/audit.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { ID } from '../contract.ts'
import {
  ARCHIVE,
  ARCHIVE_BILLING,
  accept,
  answer,
  archiveCall,
  type ConfirmingServers,
  openConfirming,
  openEarlier,
  overHttp,
  readQuestion,
  TRANSPORTS,
  typedText,
} from '../support/confirmation.ts'
import { toolCall } from '../support/program.ts'
import { request } from '../support/stateless.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')

afterEach(() => void vi.useRealTimers())

function startAudited(metronome: ConfirmingServers) {
  const lines: JsonObject[] = []
  const audit = createAuditLog({
    append: async (line) => void lines.push(JSON.parse(line)),
    context: {},
    onError: () => {},
  })
  return { lines, server: metronome.start({ audit }) }
}

/** The line of an archive that sent nothing, with what became of its form. */
const notArchived = (result: string | undefined, ms = 0, outcome = 'not_applied') => ({
  v: 1,
  at: expect.any(String),
  call: expect.any(String),
  phase: 'single',
  caller: {},
  tool: ARCHIVE,
  arguments: { id: ID },
  outcome,
  ...(result && { confirmation: { by: 'form', ms, result } }),
})

describe.each(TRANSPORTS)('the audit log of %s', (_, archive) => {
  test('has a confirmed archive as any write, with the time to the response of the form', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const { lines, server } = startAudited(openConfirming())
    await archive(server, ARCHIVE, { id: ID }, (form) => {
      vi.setSystemTime(NOW + 4_200)
      return accept(typedText(form))
    })
    expect(lines.map(({ phase, outcome }) => [phase, outcome])).toEqual([
      ['begin', undefined],
      ['end', 'applied'],
    ])
    expect(lines[0]).not.toHaveProperty('confirmation')
    expect(lines[1]).toHaveProperty('confirmation', { by: 'form', ms: 4_200, result: 'accepted' })
  })

  test.each<[string, unknown, string]>([
    ['decline', { action: 'decline' }, 'declined'],
    ['cancel', { action: 'cancel' }, 'cancelled'],
    ['another text', accept('Acme'), 'other_text'],
    ['no text', { action: 'accept', content: {} }, 'no_text'],
  ])('has one line for %s', async (_, response, result) => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const { lines, server } = startAudited(openConfirming())
    await archive(server, ARCHIVE, { id: ID }, () => {
      vi.setSystemTime(NOW + 3)
      return response
    })
    expect(lines).toEqual([notArchived(result, 3)])
  })

  test('counts no time when the clock was set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const { lines, server } = startAudited(openConfirming())
    await archive(server, ARCHIVE, { id: ID }, () => {
      vi.setSystemTime(NOW - 60_000)
      return { action: 'decline' }
    })
    expect(lines).toEqual([notArchived('declined', 0)])
  })

  test('has the accepted form of an archive that was stopped by a change, or by a record that cannot be read', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    for (const spoil of [
      (metronome: ConfirmingServers) => metronome.changeAcme({ name: 'Acme GmbH' }),
      (metronome: ConfirmingServers) => metronome.respondTo(/customers/, () => new Response('', { status: 403 })),
    ]) {
      const metronome = openConfirming()
      const { lines, server } = startAudited(metronome)
      await archive(server, ARCHIVE, { id: ID }, (form) => {
        spoil(metronome)
        return accept(typedText(form))
      })
      expect(lines).toEqual([notArchived('accepted')])
    }
  })

  test('has no confirmation where no form was shown', async () => {
    const { lines, server } = startAudited(openConfirming())
    const ids = ['00000000-0000-4000-8000-000000000000']
    await archive(server, ARCHIVE_BILLING, { customer_id: ID, customer_billing_provider_configuration_ids: ids })
    expect(lines).toEqual([expect.objectContaining({ phase: 'single', outcome: 'not_applied' })])
    expect(lines[0]).not.toHaveProperty('confirmation')
  })
})

describe('the audit log of the stateless revision', () => {
  test('has no line for a question', async () => {
    const { lines, server } = startAudited(openConfirming())
    readQuestion(await overHttp(server, archiveCall(ARCHIVE, { id: ID })))
    readQuestion(await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer({ action: 'yes' }, 'x'))))
    expect(lines).toEqual([])
  })

  test('has no confirmation for a client without forms', async () => {
    const { lines, server } = startAudited(openConfirming())
    await overHttp(server, request('tools/call', { name: ARCHIVE, arguments: { id: ID } }))
    expect(lines).toEqual([notArchived(undefined)])
  })

  test('has the confirmation of a replay, whose outcome is unknown', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const { lines, server } = startAudited(openConfirming())
    const { form, state } = readQuestion(await overHttp(server, archiveCall(ARCHIVE, { id: ID })))
    const confirmed = archiveCall(ARCHIVE, { id: ID }, answer(accept(typedText(form)), state))
    await overHttp(server, confirmed)
    await overHttp(server, confirmed)
    expect(lines[2]).toEqual(notArchived('accepted', 0, 'unknown'))
  })
})

describe('the audit log of an earlier revision', () => {
  /** Starts a call and returns the connection with its form. */
  async function ask(metronome: ConfirmingServers) {
    const { lines, server } = startAudited(metronome)
    const connection = await openEarlier(server, { form: {} })
    connection.send(toolCall(1, ARCHIVE, { id: ID }))
    const { id } = await connection.next()
    return { lines, connection, id }
  }

  const anyMs = (result: string) => ({
    ...notArchived(result),
    confirmation: { by: 'form', ms: expect.any(Number), result },
  })

  test('has one line for a client that fails to show the form', async () => {
    const { lines, connection, id } = await ask(openConfirming())
    connection.send({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } })
    await connection.next()
    expect(lines).toEqual([anyMs('failed')])
    await connection.close()
  })

  test('has one line for a form that nobody responded to', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    const { lines, connection } = await ask(openConfirming())
    await vi.advanceTimersByTimeAsync(300_000)
    await connection.next()
    await connection.next()
    expect(lines).toEqual([notArchived('timed_out', 300_000)])
    await connection.close()
  })

  test('has one line for a form that was withdrawn', async () => {
    const { lines, connection } = await ask(openConfirming())
    connection.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    await vi.waitFor(() => expect(lines).toEqual([anyMs('cancelled')]))
    await connection.close()
  })
})
