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

async function sendByTool({ tool, request }: ContractRow, args: Arguments): Promise<object[]> {
  api.answer(request.response)
  const { callTool } = await connectClient()
  await callTool(tool, args)
  return api.sent.map(selectCompared)
}

async function sendBySdk({ sdk }: ContractRow, args: Arguments): Promise<object[]> {
  if (sdk === 'not in the SDK') throw new Error('there is nothing to compare with')
  const before = api.sent.length
  await sdk(new Metronome({ bearerToken: KEY, baseURL: API, maxRetries: 0 }), args)
  return api.sent.slice(before).map(selectCompared)
}

/** By the contract alone: ids in the path, and the other arguments where the method has them. */
function describeRequest({ method, path }: ContractRow, args: Arguments): object {
  const others = Object.fromEntries(Object.entries(args).filter(([name]) => !path.includes(`{${name}}`)))
  const target = { method, path: path.replace('{customer_id}', String(args.customer_id)) }
  if (method === 'GET') return { ...target, query: others }
  return { ...target, query: {}, body: JSON.stringify(others), contentType: 'application/json' }
}

const setsOf = ({ sets }: ContractRow) => sets.map((args) => [JSON.stringify(args), args] as const)

describe.each(CONTRACT.filter(({ sdk }) => sdk !== 'not in the SDK'))(
  '$tool sends what the official SDK sends',
  (row) => {
    test.each(setsOf(row))('%s', async (_, args) => {
      const sent = await sendByTool(row, args)
      expect(sent).toEqual(await sendBySdk(row, args))
    })
  },
)

describe.each(CONTRACT.filter(({ sdk }) => sdk === 'not in the SDK'))(
  '$tool, which the SDK lacks, sends its arguments by the contract alone',
  (row) => {
    test.each(setsOf(row))('%s', async (_, args) => {
      expect(await sendByTool(row, args)).toEqual([describeRequest(row, args)])
    })
  },
)
