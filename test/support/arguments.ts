import { expect } from 'vitest'
import { InvalidArgumentsError } from '../../src/calls/errors.ts'
import type { Fetch } from '../../src/metronome/fetch.ts'
import { ID } from '../contract.ts'
import { createHarness, operationOf } from './harness.ts'

/** Arguments of set-billing-provider-configurations-customer as JSON, with this number in an open object. */
export function configureNumber(number: string): string {
  return `{"data":[{"customer_id":"${ID}","billing_provider":"stripe","configuration":{"a":[${number}]}}]}`
}

/** Numbers that would reach Metronome with another value. */
export const INEXACT_NUMBERS = ['0.1234567890123456789', '1e-400', '1e400', '12345678901234567890'] as const

/** Calls a tool with arguments that must be rejected before anything is sent; returns what is wrong, path first. */
export async function reject(tool: string, args: unknown): Promise<string[]> {
  const { sent, error } = await callOnce(tool, args)
  if (!(error instanceof InvalidArgumentsError)) throw new Error(`not rejected: ${JSON.stringify(args).slice(0, 200)}`)
  expect(sent).toEqual([])
  expect(error).toMatchObject({
    code: 'invalid_arguments',
    outcome: operationOf(tool).kind === 'write' ? 'not_applied' : undefined,
    message: expect.stringContaining(`${tool}: invalid arguments, nothing was sent. `),
  })
  return error.issues.map(({ path, message }) => `${path} ${message}`.trim())
}

/** Calls a tool with valid arguments; returns the body of the one request. */
export async function accept(tool: string, args: unknown): Promise<unknown> {
  const { sent, error } = await callOnce(tool, args)
  if (error) throw error
  expect(sent).toHaveLength(1)
  return sent[0]
}

async function callOnce(tool: string, args: unknown): Promise<{ sent: unknown[]; error: unknown }> {
  const sent: unknown[] = []
  const fetch: Fetch = async (_, { body }) => {
    sent.push(body && JSON.parse(body))
    return Response.json(operationOf(tool).example.output)
  }
  const { call, caller } = createHarness({ upstream: { fetch } })
  const error = await call({ tool, args }, caller).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  return { sent, error }
}
