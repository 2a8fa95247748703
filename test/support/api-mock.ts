import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll } from 'vitest'

export const API = 'https://api.metronome.com'

/** One request as it left the program. */
export interface SentRequest {
  readonly method: string
  readonly path: string
  /** Decoded. */
  readonly query: Record<string, string>
  /** Parsed JSON; `undefined` when there is no body. */
  readonly body: unknown
  readonly headers: Record<string, string>
}

export interface ApiMock {
  /** Every request since the test began. */
  readonly sent: SentRequest[]
  /** Answers everything with `body` until the test ends. */
  answer(body: unknown, status?: number): void
}

/** Metronome's address, mocked for one test file. Any other request is an error. */
export function mockApi(): ApiMock {
  const sent: SentRequest[] = []
  const server = setupServer()
  beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
  afterEach(() => {
    server.resetHandlers()
    sent.length = 0
  })
  afterAll(() => server.close())
  return {
    sent,
    answer(body, status = 200) {
      server.use(
        http.all(`${API}/*`, async ({ request }) => {
          sent.push(await readRequest(request))
          return HttpResponse.text(typeof body === 'string' ? body : JSON.stringify(body), {
            status,
            headers: { 'content-type': 'application/json' },
          })
        }),
      )
    },
  }
}

async function readRequest(request: Request): Promise<SentRequest> {
  const url = new URL(request.url)
  const text = await request.text()
  return {
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: text === '' ? undefined : JSON.parse(text),
    headers: Object.fromEntries(request.headers),
  }
}
