import Metronome from '@metronome/sdk'
import { describe, expect, test } from 'vitest'
import { type Arguments, CONTRACT, type ContractRow } from '../contract.ts'
import { API, mockApi, type SentRequest } from '../support/api-mock.ts'
import { connectClient, KEY } from '../support/harness.ts'

const api = mockApi()

/** What must be equal: method, path, decoded query, JSON body and content type. */
function selectCompared({ method, path, query, body, headers }: SentRequest): object {
  return { method, path, query, body: JSON.stringify(body), contentType: headers['content-type'] }
}

/** What the SDK sends; for an operation that it lacks, the id in the path and the other arguments as body. */
async function sendAsSdk({ method, path, sdk }: ContractRow, args: Arguments): Promise<object[]> {
  if (sdk === 'not in the SDK') {
    const { customer_id, ...others } = args
    const isInPath = path.includes('{customer_id}')
    const body = JSON.stringify(isInPath ? others : args)
    const sent = path.replace('{customer_id}', String(customer_id))
    return [{ method, path: sent, query: {}, body, contentType: 'application/json' }]
  }
  const before = api.sent.length
  await sdk(new Metronome({ bearerToken: KEY, baseURL: API, maxRetries: 0 }), args)
  return api.sent.slice(before).map(selectCompared)
}

describe.each(CONTRACT)('$tool sends what the official SDK sends', (row) => {
  test.each(row.sets.map((args) => [JSON.stringify(args).slice(0, 100), args]))('%s', async (_, args) => {
    api.answer(row.request.response)
    const { callTool } = await connectClient()
    await callTool(row.tool, args)
    const sent = api.sent.map(selectCompared)
    expect(sent).toEqual(await sendAsSdk(row, args))
  })
})
