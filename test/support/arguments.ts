import { expect } from 'vitest'
import { exampleAnswer } from './answers.ts'
import { type ApiMock, mockApi } from './api-mock.ts'
import { connectClient, textOf } from './mcp.ts'

export const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'

export interface ArgumentChecks {
  refuse(tool: string, args: unknown): Promise<string>
  accept(tool: string, args: unknown): Promise<unknown>
}

/** Calls tools of one test file with good and bad arguments, and looks at what was sent. */
export function checkArguments(): ArgumentChecks {
  const api = mockApi()
  return { refuse: (tool, args) => refuse(api, tool, args), accept: (tool, args) => accept(api, tool, args) }
}

/** Calls a tool with arguments that must be refused before anything is sent, and returns the message. */
async function refuse(api: ApiMock, tool: string, args: unknown): Promise<string> {
  api.answer(exampleAnswer(tool))
  const { callTool } = await connectClient()
  const result = await callTool(tool, args as Record<string, unknown>)
  expect(result.isError, JSON.stringify(result).slice(0, 200)).toBe(true)
  expect(result.structuredContent).toBeUndefined()
  expect(api.sent).toEqual([])
  const message = textOf(result)
  expect(message).toContain(`${tool}: invalid arguments, nothing was sent. `)
  return message
}

/** Calls a tool with arguments that must be accepted, and returns the body that was sent. */
async function accept(api: ApiMock, tool: string, args: unknown): Promise<unknown> {
  api.answer(exampleAnswer(tool))
  api.sent.length = 0
  const { callTool } = await connectClient()
  await callTool(tool, args as Record<string, unknown>)
  expect(api.sent).toHaveLength(1)
  return api.sent[0]?.body
}

/** Arguments of set-billing-provider-configurations-customer with this configuration. */
export const configure = (configuration: unknown) => ({
  data: [{ customer_id: ID, billing_provider: 'stripe', configuration }],
})
