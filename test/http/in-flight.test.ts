import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createByteBudget } from '../../src/http/byte-budget.ts'
import { createInFlight } from '../../src/http/in-flight.ts'

const LIMIT = 32 * 1024 * 1024

function createExchange(): [IncomingMessage, ServerResponse] {
  const incoming = new IncomingMessage(new Socket())
  return [incoming, new ServerResponse(incoming)]
}

test('bytes that are read after the end of a request are not counted', () => {
  const inFlight = createInFlight(createByteBudget())
  const [incoming, outgoing] = createExchange()
  const request = inFlight.add(incoming, outgoing)
  expect(request.countBytes(LIMIT)).toBe(true)
  outgoing.emit('close')
  expect(request.countBytes(LIMIT)).toBe(true)
  expect(inFlight.add(...createExchange()).countBytes(LIMIT)).toBe(true)
  expect(inFlight.add(...createExchange()).countBytes(1)).toBe(false)
})
