import { afterEach, describe, expect, test, vi } from 'vitest'
import { acmeDetail, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import type { Configuration } from '../../src/sandbox/entities.ts'
import { ARCHIVED_ID, ID } from '../contract.ts'
import {
  ARCHIVE,
  ARCHIVE_BILLING,
  ARCHIVE_REVENUE,
  type Archive,
  accept,
  type ConfirmingServers,
  failureText,
  openConfirming,
  TRANSPORTS,
  typedText,
} from '../support/confirmation.ts'

const ID_START = 'd7abd0cd'
const NOW = Date.parse('2026-03-01T12:00:00.000Z')

/** The two tools that name ids: their argument, a configuration of Acme and one of another customer. */
const NAMED = [
  {
    tool: ARCHIVE_BILLING,
    argument: 'customer_billing_provider_configuration_ids',
    label: 'Billing provider configurations to archive',
    path: /get.*BillingProvider/,
    own: acmeStripe.id,
    others: '5d60021a-ab63-4274-836b-294e1fa74075',
    list: ({ store }: ConfirmingServers) => store.billing,
  },
  {
    tool: ARCHIVE_REVENUE,
    argument: 'customer_revenue_system_configuration_ids',
    label: 'Revenue system configurations to archive',
    path: /get.*RevenueSystem/,
    own: acmeNetsuite.id,
    others: '00000000-0000-4000-8000-000000000000',
    list: ({ store }: ConfirmingServers) => store.revenue,
  },
] as const
type Named = (typeof NAMED)[number]

afterEach(() => void vi.useRealTimers())

const idAt = (index: number) => `aaaaaaaa-0000-4000-8000-${String(index).padStart(12, '0')}`

/** Further active configurations of Acme, made from the one that it has. */
function addConfigurations(metronome: ConfirmingServers, { list, own }: Named, count: number): string[] {
  const model = list(metronome).find(({ id }) => id === own) as Configuration // of the seed
  const ids = Array.from({ length: count }, (_, index) => idAt(index))
  list(metronome).push(...ids.map((id) => ({ ...model, id })))
  return ids
}

/** The lines of the form that the call shows. */
async function formOf(
  archive: Archive,
  metronome: ConfirmingServers,
  tool: string = ARCHIVE,
  args: object = { id: ID },
) {
  const { form, response } = await archive(metronome.start(), tool, args, () => ({ action: 'decline' }))
  if (!form) throw new Error(`no form: ${JSON.stringify(response)}`)
  return { lines: form.message.split('\n'), text: typedText(form) }
}

/** Metronome's record of Acme with these fields in the place of its own; `undefined` leaves a field out. */
const respondWith = (metronome: ConfirmingServers, fields: JsonObject) =>
  metronome.respondTo(new RegExp(`/v1/customers/${ID}$`), () => Response.json({ data: { ...acmeDetail, ...fields } }))

const isArchivedNow = { structuredContent: { data: expect.any(Object) } }

describe.each(TRANSPORTS)('a form of %s', (_, archive) => {
  test('shows in plain lines what would be archived', async () => {
    const metronome = openConfirming()
    const { form } = await archive(metronome.start({ environment: 'production' }), ARCHIVE, { id: ID })
    expect(form?.message.split('\n')).toEqual([
      'Tool: archive-customer',
      'Environment: production',
      `Customer: "Acme Robotics", id ${ID}`,
      'Created at: 2024-01-08T09:30:00.000Z',
      'Last changed: 2024-03-02T14:05:00.000Z',
      'Salesforce id: "0015500001WO1ZiABL"',
      'Aliases: "team@acme.example", "acme-prod"',
      'Billable status: not shown',
      `Active billing provider configurations (1): "stripe" (id "${acmeStripe.id}")`,
      `Active revenue system configurations (1): "netsuite" (id "${acmeNetsuite.id}")`,
      'Archiving ends all its contracts today and voids their invoices. These tools cannot list its contracts. Its aliases stay taken. This cannot be undone.',
    ])
  })

  describe.each(NAMED)('of $tool', (named) => {
    const { tool, argument, label, path, own, others, list } = named
    const argsFor = (...ids: string[]) => ({ customer_id: ID, [argument]: ids })
    /** Lines of the form about configurations. */
    const shownBy = ({ lines }: { lines: string[] }) => lines.slice(-3, -1)

    test('shows what the ids name, and how many of that kind are active', async () => {
      const metronome = openConfirming()
      const [first = '', second = ''] = addConfigurations(metronome, named, 2)
      const record = list(metronome).find(({ id }) => id === second) as Configuration // just added
      record.archived_at = '2025-01-01T00:00:00.000Z'
      const provider = record.delivery.provider
      expect(shownBy(await formOf(archive, metronome, tool, argsFor(second, first.toUpperCase(), first)))).toEqual([
        `${label}: "${provider}" (id "${first}"), "${provider}" (id "${second}", archived)`,
        'Active configurations of this kind: 2',
      ])
    })

    test.each<[string, readonly string[]]>([
      ['of another customer', [others]],
      ['of another customer beside its own', [own, others.toUpperCase()]],
      ['that does not exist', [idAt(1), own]],
    ])('is not shown for an id %s', async (_, ids) => {
      const metronome = openConfirming()
      const { form, response } = await archive(metronome.start(), tool, argsFor(...ids))
      const unknown = ids.filter((id) => id !== own).map((id) => id.toLowerCase())
      expect(form).toBeUndefined()
      expect(failureText(response)).toBe(
        `${tool}: these ids are not among the configurations of customer ${ID}: ${unknown}. Nothing was archived.\nOutcome: not_applied`,
      )
      expect(metronome.archives).toEqual([])
    })

    test('is not shown for an id that is missing in a list with another id twice', async () => {
      const metronome = openConfirming()
      metronome.respondTo(path, () => Response.json({ data: [{ id: own }, { id: own }] }))
      const { form, response } = await archive(metronome.start(), tool, argsFor(own, idAt(1)))
      expect(form).toBeUndefined()
      expect(failureText(response)).toContain(`: ${idAt(1)}. Nothing was archived.`)
    })

    test.each([403, 404, 500])('is not shown when the list cannot be read (%i)', async (status) => {
      const metronome = openConfirming()
      metronome.respondTo(path, () => Response.json({ message: 'no' }, { status }))
      const { form, response } = await archive(metronome.start(), tool, argsFor(own))
      expect(form).toBeUndefined()
      expect(failureText(response)).toMatch(
        new RegExp(`^${tool}: the configurations cannot be read, so nothing was archived\\. .*\nOutcome: not_applied$`),
      )
      expect(metronome.archives).toEqual([])
    })

    test('is not shown for 21 ids, which have to be split; 20 are shown', async () => {
      const metronome = openConfirming()
      const ids = addConfigurations(metronome, named, 21)
      const { form, response } = await archive(metronome.start(), tool, argsFor(...ids))
      expect(form).toBeUndefined()
      expect(failureText(response)).toBe(
        `${tool}: ${argument} has 21 ids, and a form shows at most 20: make calls of at most 20 ids each. Nothing was archived.\nOutcome: not_applied`,
      )
      expect(metronome.sent).toEqual([])
      const [first = '', ...others] = ids.slice(1)
      const [shown = '', active] = shownBy(
        await formOf(archive, metronome, tool, argsFor(first, first.toUpperCase(), ...others)),
      )
      expect(shown.match(/\(id "/g)).toHaveLength(20)
      expect(active).toBe('Active configurations of this kind: 22')
    })

    test('archives all that it showed', async () => {
      const metronome = openConfirming()
      const ids = [own, ...addConfigurations(metronome, named, 1)]
      const { response } = await archive(metronome.start(), tool, argsFor(...ids))
      expect(response.result).toMatchObject(isArchivedNow)
      expect(list(metronome).filter(({ id }) => ids.includes(id))).toMatchObject([
        { archived_at: expect.any(String) },
        { archived_at: expect.any(String) },
      ])
    })
  })

  test('of archive-customer shows the number of its configurations and the first 20', async () => {
    const metronome = openConfirming()
    addConfigurations(metronome, NAMED[0], 24)
    const { lines } = await formOf(archive, metronome)
    const [shown = ''] = lines.filter((line) => line.startsWith('Active billing provider configurations (25): '))
    expect(shown.match(/\(id "/g)).toHaveLength(20)
    expect(shown).toMatch(/ and 5 more$/)
  })

  test('of archive-customer says which configurations could not be read, and archives', async () => {
    const metronome = openConfirming()
    metronome.respondTo(/RevenueSystem/, () => Response.json({ message: 'Not enabled' }, { status: 403 }))
    const { form, response } = await archive(metronome.start(), ARCHIVE, { id: ID })
    expect(form?.message).toContain('\nActive revenue system configurations: could not be read\n')
    expect(response.result).toMatchObject(isArchivedNow)
  })

  test('is not shown for a customer that cannot be read', async () => {
    const metronome = openConfirming()
    metronome.respondTo(/customers/, () => Response.json({ message: 'Forbidden' }, { status: 403 }))
    const { form, response } = await archive(metronome.start(), ARCHIVE, { id: ID })
    expect(form).toBeUndefined()
    expect(failureText(response)).toMatch(
      /^archive-customer: the customer cannot be read, so nothing was archived\. get-customer: .*403.*\nOutcome: not_applied$/,
    )
    expect(metronome.archives).toEqual([])
  })

  test('shows an archived customer as such', async () => {
    const { lines } = await formOf(archive, openConfirming(), ARCHIVE, { id: ARCHIVED_ID })
    expect(lines).toContainEqual(expect.stringMatching(/^Archived at: \d{4}-/))
  })

  test.each<[string, number, string]>([
    ['now', 0, 'just now'],
    ['a second ago', 1_999, '1 second ago'],
    ['4 seconds ago', 4_000, '4 seconds ago'],
    ['a minute ago', 60_000, '1 minute ago'],
    ['a moment before 15 minutes ago', 15 * 60_000 - 1, '14 minutes ago'],
    ['in the future', -3_600_000, 'just now'],
  ])('warns first of a record that was changed %s', async (_, age, shown) => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const metronome = openConfirming()
    metronome.changeAcme({ updated_at: new Date(NOW - age).toISOString() })
    const { lines } = await formOf(archive, metronome)
    expect(lines[0]).toBe(`Changed ${shown}: its name or aliases may just have been changed.`)
    expect(lines).toContain(`Last changed: ${shown}`)
  })

  test.each<[string, number, string]>([
    ['15 minutes ago', 15 * 60_000, '15 minutes ago'],
    ['an hour ago', 3_600_000, '1 hour ago'],
    ['a moment before a day ago', 24 * 3_600_000 - 1, '23 hours ago'],
    ['a day ago', 24 * 3_600_000, '2026-02-28T12:00:00.000Z'],
  ])('does not warn of a record that was changed %s', async (_, age, shown) => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const metronome = openConfirming()
    metronome.changeAcme({ updated_at: new Date(NOW - age).toISOString() })
    const { lines } = await formOf(archive, metronome)
    expect(lines[0]).toBe('Tool: archive-customer')
    expect(lines).toContain(`Last changed: ${shown}`)
  })

  test('says what Metronome leaves out', async () => {
    const metronome = openConfirming()
    const leftOut = ['created_at', 'updated_at', 'customer_config', 'current_billable_status']
    respondWith(metronome, Object.fromEntries(leftOut.map((field) => [field, undefined])))
    expect((await formOf(archive, metronome)).lines.slice(3, 8)).toEqual([
      'Created at: not shown',
      'Last changed: not shown',
      'Salesforce id: not shown',
      'Aliases: "team@acme.example", "acme-prod"',
      'Billable status: not shown',
    ])
  })

  test('says that there is no Salesforce id, no alias and no configuration', async () => {
    const metronome = openConfirming()
    metronome.changeAcme({ salesforce_account_id: null, ingest_aliases: [] })
    metronome.store.billing.length = 0
    const { lines } = await formOf(archive, metronome)
    expect(lines).toContain('Salesforce id: none')
    expect(lines).toContain('Aliases: none')
    expect(lines).toContain('Active billing provider configurations (0): none')
  })

  test.each<[string, string, string, string]>([
    ['a line break', 'Acme\nBillable status: "none"', '"Acme\\u{a}Billable status: \\"none\\""', ID_START],
    ['a control character', 'Acme\u0085', '"Acme\\u{85}"', ID_START],
    ['a bidirectional mark', 'Acme \u202eHbmG', '"Acme \\u{202e}HbmG"', ID_START],
    ['a zero-width space', 'Ac\u200bme', '"Ac\\u{200b}me"', ID_START],
    ['a tag character', 'Acme\u{e0041}', '"Acme\\u{e0041}"', ID_START],
    ['a line separator', 'Acme\u2028x', '"Acme\\u{2028}x"', ID_START],
    ['an invisible filler', 'Acme\u3164', '"Acme\\u{3164}"', ID_START],
    ['an empty Braille cell', 'Ac\u2800me', '"Ac\\u{2800}me"', ID_START],
    ['a variation selector', 'Ac\ufe00me', '"Ac\\u{fe00}me"', ID_START],
    ['a backslash before a quotation mark', 'Acme\\"', '"Acme\\\\\\""', 'Acme\\"'],
    ['61 characters', 'x'.repeat(61), `"${'x'.repeat(61)}"`, ID_START],
    ['60 characters', 'x'.repeat(60), `"${'x'.repeat(60)}"`, 'x'.repeat(60)],
    ['60 emoji', '🤖'.repeat(60), `"${'🤖'.repeat(60)}"`, '🤖'.repeat(60)],
    ['81 characters', 'é'.repeat(81), `"${'é'.repeat(80)}…"`, ID_START],
    ['white space only', '  ', '"  "', ID_START],
    ['white space around it', ' Acme ', '" Acme "', 'Acme'],
    ['one letter', 'X', '"X"', ID_START],
    ['one emoji', '🤖', '"🤖"', ID_START],
    ['one letter and accents', 'x\u0301\u0302', '"x\u0301\u0302"', ID_START],
    ['two letters', 'HP', '"HP"', 'HP'],
  ])('asks for a name with %s, or for the start of the id', async (_, name, shown, expected) => {
    const metronome = openConfirming()
    metronome.changeAcme({ name })
    const { lines, text } = await formOf(archive, metronome)
    expect(lines).toHaveLength(11)
    expect(lines[2]).toBe(`Customer: ${shown}, id ${ID}`)
    expect(text).toBe(expected)
  })

  test.each<[string, string, string]>([
    ['another case', 'Acme Robotics', 'aCME robotics'],
    ['a no-break space', 'Acme\u00a0GmbH', 'Acme GmbH'],
    ['two blanks', 'Acme  GmbH', 'Acme GmbH'],
    ['an ideographic blank', 'Acme\u3000GmbH', 'Acme GmbH'],
    ['a curly apostrophe', 'O’Neil', "O'Neil"],
    ['a hyphen that does not break', 'Acme\u2011Prod', 'acme-prod'],
    ['accents', 'Café Łódź', 'cafe lodz'],
    ['another normalization form', 'Café', 'Cafe\u0301'],
    ['a line break at the end', 'Acme Robotics', ' Acme Robotics \n'],
    ['the start of the id in capital letters', 'X', 'D7ABD0CD'],
  ])('takes %s', async (_, name, typed) => {
    const metronome = openConfirming()
    metronome.changeAcme({ name })
    const { response } = await archive(metronome.start(), ARCHIVE, { id: ID }, () => accept(typed))
    expect(response.result).toMatchObject(isArchivedNow)
  })

  test.each<[string, string, string]>([
    ['a part of the name', 'Acme Robotics', 'Acme'],
    ['the name with more', 'Acme Robotics', 'Acme Robotics Inc'],
    ['the name without its blank', 'Acme Robotics', 'AcmeRobotics'],
    ['the name within a sentence', 'Acme Robotics', 'Type Acme Robotics to archive it'],
    ['the id where the name is asked for', 'Acme Robotics', ID_START],
    ['the whole id where its start is asked for', 'X', ID],
    ['the name where the id is asked for', 'X', 'X'],
  ])('does not take %s', async (_, name, typed) => {
    const metronome = openConfirming()
    metronome.changeAcme({ name })
    const { response } = await archive(metronome.start(), ARCHIVE, { id: ID }, () => accept(typed))
    expect(failureText(response)).toMatch(/accepted with another text.*\nOutcome: not_applied$/)
    expect(metronome.archives).toEqual([])
  })

  test('shows a customer that the agent has renamed before as changed just now', async () => {
    const metronome = openConfirming()
    metronome.changeAcme({ name: 'Test account', ingest_aliases: [], updated_at: new Date().toISOString() })
    const { lines } = await formOf(archive, metronome)
    expect(lines[0]).toMatch(/^Changed (just now|1 second ago): its name or aliases may just have been changed\.$/)
    expect(lines).toContain('Created at: 2024-01-08T09:30:00.000Z')
  })

  test.each<[string, JsonObject]>([
    ['the name', { name: 'Acme GmbH' }],
    ['an alias', { ingest_aliases: ['acme-prod'] }],
    ['created_at', { created_at: '2025-01-01T00:00:00.000Z' }],
    ['the Salesforce id', { customer_config: { salesforce_account_id: '0015500001WO1ZiXXX' } }],
    ['the billable status', { current_billable_status: { value: 'unbillable' } }],
  ])('archives nothing when %s has changed meanwhile', async (_, fields) => {
    const metronome = openConfirming()
    const { response } = await archive(metronome.start(), ARCHIVE, { id: ID }, (form) => {
      respondWith(metronome, fields)
      return accept(typedText(form))
    })
    expect(failureText(response)).toBe(
      'archive-customer: what would be archived has changed since it was shown; call again to show it anew. Nothing was archived.\nOutcome: not_applied',
    )
    expect(metronome.archives).toEqual([])
  })

  test.each(NAMED)('archives nothing when a configuration was added meanwhile: $tool', async (named) => {
    for (const [tool, args] of [
      [ARCHIVE, { id: ID }],
      [named.tool, { customer_id: ID, [named.argument]: [named.own] }],
    ] as const) {
      const metronome = openConfirming()
      const { response } = await archive(metronome.start(), tool, args, (form) => {
        addConfigurations(metronome, named, 1)
        return accept(typedText(form))
      })
      expect(failureText(response)).toMatch(/has changed since it was shown.*\nOutcome: not_applied$/)
      expect(metronome.archives).toEqual([])
    }
  })

  test('archives nothing when a list can no longer be read', async () => {
    const metronome = openConfirming()
    const args = { customer_id: ID, customer_billing_provider_configuration_ids: [acmeStripe.id] }
    const { response } = await archive(metronome.start(), ARCHIVE_BILLING, args, (form) => {
      metronome.respondTo(/getCustomerBilling/, () => Response.json({ message: 'no' }, { status: 403 }))
      return accept(typedText(form))
    })
    expect(failureText(response)).toMatch(/the configurations cannot be read, so nothing was archived/)
    expect(metronome.archives).toEqual([])
  })

  test('ends within the time of a call after a person has responded, when Metronome has become silent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const metronome = openConfirming()
    let onSilence = () => {}
    const silence = new Promise<void>((resolve) => {
      onSilence = resolve
    })
    const call = archive(metronome.start({ timeoutMs: 1_000 }), ARCHIVE, { id: ID }, async (form) => {
      await vi.advanceTimersByTimeAsync(60_000)
      metronome.respondTo(/./, (signal) => {
        onSilence()
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      })
      return accept(typedText(form))
    })
    await silence
    await vi.advanceTimersByTimeAsync(1_150)
    expect(failureText((await call).response)).toMatch(
      /cannot be read, so nothing was archived.*\nOutcome: not_applied$/,
    )
  })

  test('archives when only updated_at and ages have moved', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const metronome = openConfirming()
    const list = () => Response.json({ data: [{ ...acmeStripe, updated_at: new Date().toISOString() }] })
    metronome.respondTo(/getCustomerBilling/, list)
    metronome.changeAcme({ updated_at: new Date(NOW - 4_000).toISOString() })
    const { response } = await archive(metronome.start(), ARCHIVE, { id: ID }, (form) => {
      vi.setSystemTime(NOW + 200_000)
      metronome.changeAcme({ updated_at: new Date(NOW + 100_000).toISOString() })
      return accept(typedText(form))
    })
    expect(response.result).toMatchObject(isArchivedNow)
  })
})
