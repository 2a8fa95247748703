import type { Route } from './route.ts'

/** `/healthz` says that the process runs, `/readyz` whether requests should be sent to it. Neither asks Metronome. */
export function healthRoutes(whyNotReady: () => string | undefined): Record<'/healthz' | '/readyz', Route> {
  return {
    '/healthz': { open: true, handlers: { GET: async () => answer(200, 'ok') } },
    '/readyz': {
      open: true,
      handlers: {
        GET: async () => {
          const reason = whyNotReady()
          return reason === undefined ? answer(200, 'ready') : answer(503, reason)
        },
      },
    },
  }
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' } })
}
